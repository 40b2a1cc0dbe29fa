#include "clone/manifest.hh"

#include "clone/packing.hh"

namespace cloning {

void manifest::add(std::uint32_t bytes, digest const& hash) {
  base::writer line;
  line(so_far_, chunks_, bytes, hash);
  so_far_ = hash_of(line.finish_flat().view());
  ++chunks_;
  bytes_ += bytes;
}

base::result<void> manifest::agrees_with(ended const& theirs) const {
  if (theirs.chunks != chunks_ || theirs.bytes != bytes_)
    return base::fail("the donor sent " + std::to_string(theirs.chunks) + " chunks of " + std::to_string(theirs.bytes) +
                      " bytes, and " + std::to_string(chunks_) + " of " + std::to_string(bytes_) + " are here");
  if (theirs.manifest != so_far_) return base::fail("the hashes of what was sent and of what is here differ");
  return {};
}

}  // namespace cloning
