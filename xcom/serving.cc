#include "xcom/serving.hh"

#include <algorithm>
#include <utility>

#include "xcom/frame.hh"

namespace xcom {

served serve(agreed_log& log, serve_log const& what) {
  bool const as_range = what.asked.up_to > slot_no{};
  served made{{what.asked.log, what.asked.from, log.begins(), what.decided, {}, {}}, as_range, {}};
  if (what.asked.from < log.begins() || what.asked.from > what.up_to) return made;
  auto const up_to = as_range ? std::min(what.up_to, what.asked.up_to) : what.up_to;
  auto slots = log.read(what.asked.from, up_to, what.asked.bytes_max);
  if (slots)
    made.answer.slots = std::move(*slots);
  else
    made.error = slots.error().text;
  return made;
}

fetched pack(served what, base::packing how) {
  if (what.as_range && !what.answer.slots.empty())
    what.answer.range = base::pack(base::encode(std::exchange(what.answer.slots, {})), how);
  return std::move(what.answer);
}

base::result<std::vector<decided_slot>> slots_of(fetched const& what) {
  if (what.range.body.empty()) return what.slots;
  auto const bytes = base::unpack(what.range, message_bytes_max);
  if (!bytes) return base::fail("it " + bytes.error().text);
  return base::decode<std::vector<decided_slot>>(*bytes);
}

}  // namespace xcom
