// Watches every member of a simulated group and knows what must never happen. Told about each action as it is performed;
// throws check_failed at the first contradiction, in time proportional to what changed.
//
// Always: (1) no slot has two decided values, whoever says so;
//         (2) what is decided has been accepted by a majority of the site in force at that slot;
//         (3) a member's promise never falls, not across a crash either, and its log gives back what it was told to keep;
//         (4) deliveries of a slot are equal everywhere: the messages, the verdicts, the state and the index after it;
//         (5) each origin's messages are delivered in order, each once;
//         (6) a position means the same transaction and the same verdict to every database, and the same rows after it;
//         (7) a transaction takes one position at most, none when it was refused, and keeps it once it was acknowledged;
//         (8) a member that becomes ONLINE holds everything that was ordered before it came;
//         (9) a promise and an acknowledgement are in the log before anybody hears of them;
//         (10) verdicts are those of the certifier's dumb twin;
//         (11) what is called stable has been applied by every ONLINE member;
//         (12) what could not be applied gets one verdict, and who stays holds the rows as that says;
//         (13) in single-primary mode nothing passes but what the primary of the moment sent, and an epoch has one writer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "gr/messages.hh"
#include "sim/database.hh"
#include "sim/twin.hh"
#include "xcom/agreed_log.hh"
#include "xcom/messages.hh"

namespace sim {

class oracle {
 public:
  void bootstrapped(xcom::site const& first, gr::group_roles const& roles);
  void joined(xcom::member_id const& who, xcom::ballot const& promised, xcom::slot_no decided);
  void reopened(xcom::member_id const& who, xcom::recovered_log const& found);

  // A human's word: until the site of these is in force, all of them are as good as a majority. What none of them knows to be
  // decided never was, and what the others say from now on, as who they are, is not the group's.
  void forced(std::vector<xcom::member_id> const& who);

  void promised(xcom::member_id const& who, xcom::ballot const& ballot);
  void accepted(xcom::member_id const& who, xcom::accepted_slot const& what);
  void learned(xcom::member_id const& who, xcom::decided_slot const& what);
  void decided(xcom::member_id const& who, xcom::slot_no up_to);
  void said(xcom::member_id const& who, xcom::wire_message const& what) const;  // to another member, and about to leave
  struct judged {                                                               // what a member made of a slot
    base::blob note;
    gr::replicated_state after;
    gr::group_roles roles;        // after it
    gr::apply_votes votes;        // after it
    gr::seqno_t index_began = 0;  // the position its index was begun at
    std::uint64_t index = 0;      // the index's digest
  };
  void delivered(xcom::member_id const& who, xcom::slot_no slot, xcom::value const& what, judged const& as);

  // The database's side. `trx` is 0 where it is not known: a view, or a remote transaction that failed.
  void refused(std::uint64_t trx) { refused_.insert(trx); }  // its client was told that it certainly did not happen
  void ordered(gr::seqno_t seqno, std::uint64_t trx, bool passed);
  void committed(std::string const& who, database const& after);
  void received_copy(std::string const& who, database const& copy);
  // Somebody was told that what it could not apply counts as failed.
  void settled(gr::seqno_t seqno) { given_up_.insert(seqno); }
  // What an ONLINE server should have given up, at its position.
  [[nodiscard]] std::uint64_t given_up_at(gr::seqno_t at) const;
  [[nodiscard]] bool has_given_up() const { return !given_up_.empty(); }
  // About to be ordered, by a leader to whose site these ONLINE servers belong.
  void called_stable(gr::seqno_t up_to, std::vector<std::string> const& online) const;
  void acknowledged(std::uint64_t trx, gr::seqno_t seqno);
  void became_online(xcom::member_id const& who, std::uint64_t boot, gr::seqno_t holds) const;

  // Everything it wrote so far survives a power failure.
  void synced(xcom::member_id const& who);
  void lost_power(xcom::member_id const& who);

  // Every slot up to here is known to be decided.
  [[nodiscard]] xcom::slot_no frontier() const { return frontier_; }
  [[nodiscard]] xcom::slot_no delivered_up_to() const { return last_delivered_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] std::uint64_t site_changes() const { return site_changes_; }
  [[nodiscard]] std::uint64_t history() const { return history_; }  // digest of all that was delivered
  [[nodiscard]] gr::seqno_t last_position() const { return static_cast<gr::seqno_t>(positions_.size()); }
  // Of a transaction that passed.
  [[nodiscard]] std::optional<gr::seqno_t> position_of(std::uint64_t trx) const;
  [[nodiscard]] gr::seqno_t acknowledged_up_to() const { return acknowledged_up_to_; }
  // The certifier's bound in force there, as the group has it, whether a member knows or not.
  [[nodiscard]] gr::seqno_t bound_at(gr::seqno_t at) const;
  // Somebody accepted a change of the site that is not known to be decided.
  [[nodiscard]] bool site_change_under_way() const;
  [[nodiscard]] gr::group_roles const& newest_roles() const {
    return deliveries_.empty() ? first_roles_ : deliveries_.rbegin()->second.roles;
  }
  [[nodiscard]] xcom::site const& newest_site() const { return sites_.rbegin()->second; }

 private:
  struct held_slot {
    xcom::ballot in;
    std::uint64_t value = 0;
    xcom::value_ptr what;
    bool may_be_gone = false;  // it was accepted, but a power failure may have taken it
  };
  struct acceptor {  // what one incarnation has in its log, as it said
    xcom::ballot promised;
    xcom::slot_no decided;
    std::map<xcom::slot_no, held_slot> held;  // above `decided`, or above the frontier
    xcom::ballot synced_promise;
    std::vector<xcom::slot_no> unsynced;
    std::set<xcom::slot_no> power_took;  // accepted, and not synced when its host lost power
  };
  struct claim {  // somebody said this slot is decided
    std::uint64_t value = 0;
    xcom::value_ptr what;
    xcom::member_id first_by;
  };
  struct delivery {
    std::uint64_t messages = 0;
    std::uint64_t note = 0;
    gr::replicated_state after;
    gr::group_roles roles;
    gr::apply_votes votes;
    xcom::member_id first_by;
    std::vector<std::pair<xcom::member_id, xcom::origin_seq>> last_before;  // of the origins in it
  };
  struct position {
    std::uint64_t trx = 0;
    bool passed = false;
    std::map<std::uint64_t, std::uint64_t>
        rows;  // the fingerprint after it, by what was given up before (database::given_up)
  };

  void forget_after(xcom::slot_no slot);
  void forget_what_nobody_heard_of(acceptor& of, xcom::recovered_log const& found);
  [[nodiscard]] bool is_lost(xcom::member_id const& who) const { return lost_.contains(who); }
  void claim_decided(xcom::member_id const& who, xcom::slot_no slot, xcom::value_ptr const& what, std::uint64_t value);
  void advance_frontier();
  void check_majority(xcom::slot_no slot, claim const& decided) const;
  // Which write sets of the slot (0, 1, ...) come from who may not write.
  [[nodiscard]] std::vector<std::uint32_t> follow_roles(xcom::slot_no slot, xcom::value const& what, judged const& as);
  void note_writer(xcom::slot_no slot, gr::group_roles const& roles, xcom::member_id const& who);
  void check_index(xcom::member_id const& who, xcom::slot_no slot, judged const& as);
  static void check_site(xcom::site const& next);
  void check_order(xcom::slot_no slot, xcom::value const& what);
  void note_members(xcom::value const& what, gr::seqno_t at);
  void forget(acceptor& of) const;
  [[nodiscard]] xcom::site const& site_at(xcom::slot_no slot) const;

  std::map<xcom::member_id, acceptor> acceptors_;
  std::map<xcom::slot_no, claim> claims_;
  std::map<xcom::slot_no, xcom::site> sites_;  // by the first slot they are in force at
  std::map<xcom::slot_no, delivery> deliveries_;
  std::map<std::pair<xcom::slot_no, gr::seqno_t>, std::uint64_t> indexes_;    // by slot and beginning
  std::map<std::pair<xcom::member_id, std::uint64_t>, gr::seqno_t> entered_;  // each boot of each member
  std::vector<position> positions_;                                           // of 1, 2, ...
  std::set<gr::seqno_t> given_up_;
  std::map<gr::seqno_t, gr::seqno_t> bounds_;   // by the first position each was in force at
  std::map<std::string, gr::seqno_t> applied_;  // by server: the most it ever had
  twin twin_;
  std::unordered_map<std::uint64_t, gr::seqno_t> passed_;
  std::unordered_set<std::uint64_t> refused_;
  gr::group_roles first_roles_;
  std::map<std::uint64_t, xcom::member_id> writers_;  // of each epoch with a primary
  gr::seqno_t acknowledged_up_to_ = 0;
  std::uint64_t history_ = 0;
  std::map<xcom::member_id, xcom::origin_seq> last_of_origin_;
  std::set<xcom::member_id> forced_;
  std::set<xcom::member_id> lost_;  // by a human's word
  xcom::slot_no frontier_;
  xcom::slot_no last_delivered_;
  std::uint64_t messages_ = 0;
  std::uint64_t site_changes_ = 0;
};

}  // namespace sim
