// A member that crashed and whose data's position nobody recovered cannot deliver anything, yet its log is whole: it is still the
// voter that promised what stands there, and the others may have no majority without it. So it comes back, votes until they
// can go on without it, gives its place up in order, and asks to be taken in anew. Functions of values; runtime/ carries it out.
#pragma once

#include <map>

#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace gr {

// Whether there may be a vote to be given: a member among others. One that is joining may have asked for it: that it was
// granted is then known to others only. One that the log says was let go may be the only one to know that: its own word may have decided
// it. Whether the log remembers all it promised, the caller knows (gr/beginning.hh).
[[nodiscard]] bool others_may_need_the_vote(xcom::recovered_log const& log);

// Whether nobody is there for whom one that was let go came back: none of its site is heard. They may be gone for good, and the group be
// another by now, so after lonely_ticks of this it asks to be taken in by whoever there is. Its log stays until it is.
inline constexpr std::uint64_t lonely_ticks = 1000;  // 10 s
[[nodiscard]] bool nobody_needs_the_vote(xcom::site const& now, xcom::member_id const& self,
                                         std::map<xcom::member_id, xcom::peer> const& peers);

// Whether it can go: those who stay have a majority among themselves, and one of them delivers, so that it can bring a joiner
// up to date. Any earlier, leaving could stop the group.
[[nodiscard]] bool may_give_up_place(xcom::site const& now, xcom::member_id const& self,
                                     std::map<xcom::member_id, xcom::peer> const& peers);

}  // namespace gr
