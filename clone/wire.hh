// What donor and joiner of a clone say to each other, and its frames.
//
// Shape:  a session is one snapshot on its way from one donor to one joiner. It uses several connections at once, its lanes,
//         and any of them may be lost and made anew. The snapshot is a stream of bytes cut into numbered chunks; a chunk goes
//         over one lane, in any order with the others.
//         A frame is u32 length of body, u32 crc32c(body), body; the body is one message (base/codec.hh).
// Why the namespace is not called after the folder: the C library has a function of that name at global scope.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "base/codec.hh"
#include "base/packing.hh"
#include "base/uuid.hh"

namespace cloning {

inline constexpr std::uint32_t wire_version = 1;
inline constexpr std::uint32_t chunk_bytes_max = 4U << 20;
inline constexpr std::uint32_t body_bytes_max =
    chunk_bytes_max + (64U << 10);  // nothing that packs grows more than that
inline constexpr std::uint32_t lanes_max = 16;
inline constexpr std::size_t frame_head_bytes = 8;

using base::digest;
using base::hash_of;
using base::packing;

// Donor to joiner, first on every lane.
struct hello {
  std::uint32_t version = wire_version;
  std::string secret;  // the joiner's, which the donor got through the group
  base::uuid session;  // made by the donor's process
  std::uint32_t lane = 0;
  std::uint64_t data_bytes = 0;  // of the files that will come, as they are now: what the joiner needs room for
  std::string donor;             // for people
  std::string host;              // whose certificate it shows
  std::string position;          // uuid:seqno the donation began at
  std::string domain;            // of the server's own GTIDs

  template <class Codec> void fields(Codec& c) {
    c(version, secret, session, lane, data_bytes, donor, host, position, domain);
  }
};
// Joiner to donor: go on from the first chunk that is not in the stream yet.
struct welcome {
  std::uint64_t wanted = 0;
  template <class Codec> void fields(Codec& c) { c(wanted); }
};
// Joiner to donor: not with you. Trying again does not help.
struct refused {
  std::string why;
  template <class Codec> void fields(Codec& c) { c(why); }
};
struct chunk : base::packed_bytes {
  std::uint64_t number = 0;

  template <class Codec> void fields(Codec& c) {
    c(number);
    base::packed_bytes::fields(c);
  }
};
// Joiner to donor: all chunks below `next` are in the stream and need not be kept. Repeated every second.
struct written {
  std::uint64_t next = 0;
  template <class Codec> void fields(Codec& c) { c(next); }
};
// Donor to joiner: the snapshot ended, whole.
struct ended {
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  digest manifest{};  // cloning::manifest

  template <class Codec> void fields(Codec& c) { c(chunks, bytes, manifest); }
};
// Joiner to donor: it arrived, and it is what was sent.
struct received {
  template <class Codec> void fields(Codec& /*none*/) {}
};
// Either way: this session is over.
struct failed {
  std::string why;
  template <class Codec> void fields(Codec& c) { c(why); }
};
// Donor to joiner, every second without anything else to say.
struct alive {
  std::uint64_t read_bytes = 0;  // of the snapshot so far
  template <class Codec> void fields(Codec& c) { c(read_bytes); }
};

using message = std::variant<hello, welcome, refused, chunk, written, ended, received, failed, alive>;

// One frame; a chunk's body stays where it is.
base::chain frame_of(message const& what);

// Bytes as they come to messages.
// Always: never holds more than one frame, and allocates no more than body_bytes_max for it.
// Errors: a length out of range, a checksum that does not hold, a body that is no message. Final: the connection has to go.
class frame_reader {
 public:
  // Where the next bytes have to be put; never empty. took() says how many of them came.
  std::span<std::uint8_t> space();
  void took(std::size_t bytes);
  // Nothing: more bytes are needed.
  base::result<std::optional<message>> next();

 private:
  base::result<std::size_t> open_body();

  std::array<std::uint8_t, frame_head_bytes> head_{};
  std::vector<std::uint8_t> body_;
  std::size_t filled_ = 0;  // of head and body together
  bool in_body_ = false;
};

}  // namespace cloning
