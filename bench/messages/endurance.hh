// Many messages through a group whose one follower stands still for half of them: memory stays within the budgets.
#pragma once

#include <cstdint>

#include "bench/messages/member.hh"

namespace bench {

// Prints what each member used beside what it may use. True: all stayed within, and all came level again.
bool endure(member_config config, std::uint64_t messages);

}  // namespace bench
