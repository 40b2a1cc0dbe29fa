#include "sim/describe.hh"

#include <fmt/format.h>

#include "xcom/serving.hh"

namespace sim {
namespace {

using fmt::format;
using xcom::slot_no;

std::string name(xcom::member_id const& id) { return xcom::to_string(id); }

std::string name(xcom::site const& site) {
  std::string text = format("v{}{{", site.version);
  for (auto const& each : site.members) text += (text.back() == '{' ? "" : " ") + name(each.id);
  return text + (site.rules.since == site.version ? "} " + xcom::to_string(site.rules) : "}");
}

std::string names(std::vector<xcom::member_id> const& all) {
  std::string text;
  for (auto const& each : all) text += (text.empty() ? "" : " ") + name(each);
  return text.empty() ? "any" : text;
}

std::string range(slot_no first, slot_no last) {
  return first == last ? format("{}", first.value()) : format("{}-{}", first.value(), last.value());
}

template <class Slots> std::string span_of(Slots const& slots) {
  return slots.empty() ? "nothing" : range(slots.front().slot, slots.back().slot);
}

std::string messages(std::vector<xcom::message> const& all) {
  if (all.empty()) return "no messages";
  return format("{} messages {}:{:x}..{}:{:x}", all.size(), name(all.front().origin), all.front().seq.value(),
                name(all.back().origin), all.back().seq.value());
}

struct value_text {
  std::string operator()(xcom::no_op const&) const { return "no-op"; }
  std::string operator()(xcom::batch const& held) const { return messages(held.messages); }
  std::string operator()(xcom::site_change const& held) const { return "site " + name(held.next); }
};

struct message_text {
  std::string operator()(xcom::heartbeat const& m) const {
    return format("heartbeat {} site v{} leader {} decided {} delivered {} log from {}", m.count, m.site_version,
                  describe(m.leader), m.decided.value(), m.delivered.value(), m.log_begins.value());
  }
  std::string operator()(xcom::forward const& m) const {
    return format("forward {}{}", m.again ? "again " : "", messages(m.messages));
  }
  std::string operator()(xcom::accept const& m) const {
    return format("accept {} in {} first {} decided {}", span_of(m.slots), describe(m.by), m.first_of_ballot.value(),
                  m.decided.value());
  }
  std::string operator()(xcom::accepted const& m) const {
    return format("accepted up to {} in {}", m.up_to.value(), describe(m.in));
  }
  std::string operator()(xcom::pre_vote const& m) const {
    return format("pre-vote round {} decided {}", m.round, m.decided.value());
  }
  std::string operator()(xcom::pre_vote_reply const& m) const {
    return format("pre-vote {} round {} promised {} decided {}", m.granted ? "granted" : "refused", m.round,
                  describe(m.promised), m.decided.value());
  }
  std::string operator()(xcom::prepare const& m) const {
    return format("prepare {} from {}", describe(m.by), m.from.value());
  }
  std::string operator()(xcom::promise const& m) const {
    return format("promise {} from {} decided {} holds {}", describe(m.to), m.from.value(), m.decided.value(),
                  span_of(m.slots));
  }
  std::string operator()(xcom::refuse const& m) const { return "refuse, promised " + describe(m.promised); }
  std::string operator()(xcom::fetch const& m) const {
    std::string const to = m.up_to > xcom::slot_no{} ? format(" to {}", m.up_to.value()) : "";
    return format("fetch from {}{}{}", m.from.value(), to, m.with_notes ? " with notes" : "");
  }
  std::string operator()(xcom::fetched const& m) const {
    auto const slots = xcom::slots_of(m);
    return format("fetched {} asked from {} log from {} decided {}", slots ? span_of(*slots) : "damaged",
                  m.from.value(), m.log_begins.value(), m.decided.value());
  }
  std::string operator()(xcom::join_request const& m) const { return "join request of " + name(m.joiner.id); }
  std::string operator()(xcom::join_answer const& m) const { return "join answer of " + m.address; }
  std::string operator()(xcom::join_refused const& m) const { return "join refused: " + m.reason; }
  std::string operator()(xcom::welcome const& m) const {
    return format("welcome at {} promised {} {}", m.at.slot.value(), describe(m.promised), name(m.at.at));
  }
  std::string operator()(xcom::leave_request const& m) const { return "leave request of " + name(m.who); }
  std::string operator()(xcom::update_request const& m) const {
    return format("update request of {} boot {}", name(m.self.id), m.self.boot);
  }
  std::string operator()(xcom::not_a_member const& m) const { return "not a member of " + name(m.at); }
  std::string operator()(xcom::rules_request const& m) const {
    return format("rules request {} instead of those of v{}", xcom::to_string(m.rules), m.rules.since);
  }
  std::string operator()(xcom::hand_over const& m) const {
    return format("hand over {} decided {}", describe(m.by), m.decided.value());
  }
  std::string operator()(xcom::direct const& m) const { return format("direct {} bytes", m.payload.size()); }
};

struct event_text {
  std::string operator()(xcom::received const& e) const { return name(e.from) + " says " + describe(e.what); }
  std::string operator()(xcom::ticked const& e) const { return format("tick {}", e.now.value()); }
  std::string operator()(xcom::submitted const& e) const {
    return format("submitted {:x}, {} bytes", e.seq.value(), e.payload.size());
  }
  std::string operator()(xcom::link_lost const& e) const { return "link lost to " + e.address; }
  std::string operator()(xcom::arriving const& e) const {
    return "part of a message is here from " + xcom::to_string(e.from);
  }
  std::string operator()(xcom::app_facts const& e) const { return format("facts, {} bytes", e.facts.size()); }
  std::string operator()(xcom::update_self const& e) const { return format("update self to \"{}\"", e.app.text()); }
  std::string operator()(xcom::set_weight const& e) const { return format("weight {}", e.weight); }
  std::string operator()(xcom::set_limits const& e) const {
    return format("suspects after {} ticks, expels after {}, keeps {} bytes", e.suspect_ticks.value(),
                  e.expel_ticks.value(), e.cache_bytes_max);
  }
  std::string operator()(xcom::change_rules const& e) const { return "wants " + xcom::to_string(e.rules); }
  std::string operator()(xcom::transfer_leadership const& e) const { return "shall let " + name(e.to) + " lead"; }
  std::string operator()(xcom::leave_group const&) const { return "leave group"; }
  std::string operator()(xcom::force_members const& e) const { return format("force {} members", e.who.size()); }
  std::string operator()(xcom::start_delivery const& e) const {
    return format("start delivery after {} sources {}{}", e.from.slot.value(), names(e.sources),
                  e.with_notes ? " with notes" : "");
  }
  std::string operator()(xcom::change_sources const& e) const { return "change sources to " + names(e.sources); }
  std::string operator()(xcom::notes_done const&) const { return "notes done"; }
  std::string operator()(xcom::consumed const& e) const { return format("consumed {}", e.up_to.value()); }
  std::string operator()(xcom::log_read const& e) const {
    return format("log read from {}: {}", e.from.value(), span_of(e.slots));
  }
  std::string operator()(xcom::log_purged const& e) const { return format("log begins {}", e.log_begins.value()); }
};

struct action_text {
  std::string operator()(xcom::persist_promise const& a) const { return "persist promise " + describe(a.promised); }
  std::string operator()(xcom::persist_accepted const& a) const {
    return format("persist accepted {} in {}: {}", a.slot.slot.value(), describe(a.slot.accepted_in),
                  describe(*a.slot.what));
  }
  std::string operator()(xcom::persist_learned const& a) const {
    return format("persist learned {}: {}{}", a.slot.slot.value(), describe(*a.slot.what),
                  a.slot.note.empty() ? "" : " with note");
  }
  std::string operator()(xcom::persist_decided const& a) const { return format("persist decided {}", a.up_to.value()); }
  std::string operator()(xcom::send const& a) const { return format("send {}: {}", a.address, describe(a.what)); }
  std::string operator()(xcom::serve_log const& a) const {
    return format("serve {}: {} up to {}", a.address, describe(xcom::wire_message(a.asked)), a.up_to.value());
  }
  std::string operator()(xcom::read_log const& a) const { return format("read log from {}", a.from.value()); }
  std::string operator()(xcom::deliver const& a) const {
    return format("deliver {}: {}{}", a.slot.value(), describe(*a.what), a.note.empty() ? "" : " with note");
  }
  std::string operator()(xcom::store_checkpoint const& a) const {
    return format("store checkpoint {} {}", a.at.slot.value(), name(a.at.at));
  }
  std::string operator()(xcom::send_welcome const& a) const {
    return format("send {}: {}", a.address, describe(xcom::wire_message(a.what)));
  }
  std::string operator()(xcom::site_installed const& a) const {
    return format("site from {} on: {}", a.slot.next().value(), name(a.at));
  }
  std::string operator()(xcom::joined const& a) const {
    return format("joined after {} {} promised {}", a.at.slot.value(), name(a.at.at), describe(a.promised));
  }
  std::string operator()(xcom::expelled const& a) const { return "expelled, " + name(a.at); }
  std::string operator()(xcom::split_off const& a) const { return "split off: " + name(a.at); }
  std::string operator()(xcom::join_failed const& a) const { return "join failed: " + a.reason; }
  std::string operator()(xcom::left const&) const { return "left"; }
  std::string operator()(xcom::quorum_changed const& a) const {
    std::string text = a.have ? "quorum:" : "no quorum:";
    for (auto const& each : a.reachable) text += " " + name(each);
    return text;
  }
  std::string operator()(xcom::leader_changed const& a) const {
    return a.leader ? "leader is " + name(*a.leader) : "no leader";
  }
  std::string operator()(xcom::history_lost const& a) const {
    return format("history lost: wanted {}, oldest offered {}", a.wanted.value(), a.oldest_offered.value());
  }
  std::string operator()(xcom::damaged_range const& a) const {
    return format("damaged from {} at slot {}: {}", name(a.from), a.wanted.value(), a.why);
  }
  std::string operator()(xcom::received_direct const& a) const {
    return format("direct from {}: {} bytes", name(a.from), a.payload.size());
  }
};

}  // namespace

std::string describe(xcom::ballot const& ballot) { return format("{}:{}", ballot.round, name(ballot.proposer)); }
std::string describe(xcom::value const& what) { return std::visit(value_text{}, what); }
std::string describe(xcom::wire_message const& what) { return std::visit(message_text{}, what); }
std::string describe(xcom::event const& what) { return std::visit(event_text{}, what); }
std::string describe(xcom::action const& what) { return std::visit(action_text{}, what); }

}  // namespace sim
