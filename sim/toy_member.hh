// The toy application over the ordered log: what gr does with a delivery, without a database. Certifies each message,
// gives each a seqno, and writes the verdicts beside the slot, so that who comes later can preload them.
//
// Owner:  one simulated server; as long as one delivery lasts.
// Always: (1) the state after a slot is a function of the log up to it, wherever delivery began;
//         (2) a verdict is our own once the index holds everything above `forgotten`, the log's note before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certifier/certification.hh"
#include "xcom/types.hh"

namespace sim {

struct toy_transaction {
  certifier::seqno_t last_seen = 0;
  base::blob keys;  // certifier::write_set, encoded
  base::blob padding;
  template <class Codec> void fields(Codec& codec) { codec(last_seen, keys, padding); }
};

// What a checkpoint holds of us, and what a database knows about the place it stands at.
struct app_state {
  certifier::seqno_t seqno = 0;      // of the last message
  certifier::seqno_t forgotten = 0;  // what is at or below has no influence any more
  std::uint64_t history = 0;         // digest of everything delivered and every verdict given
  friend bool operator==(app_state const&, app_state const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(seqno, forgotten, history); }
  [[nodiscard]] std::string describe() const;
};

app_state app_state_of(xcom::checkpoint const& at);

class toy_member {
 public:
  // `window`: how many transactions back the certification index reaches; the same for the whole group.
  toy_member(xcom::checkpoint const& from, certifier::seqno_t window);

  struct outcome {
    base::blob note;
    std::vector<bool> passed;              // of each message
    std::optional<std::uint64_t> reasons;  // digest of who was in conflict with whom, where verdicts are our own
  };
  // Nothing: the index does not reach back far enough and there is no note to go by.
  std::optional<outcome> deliver(xcom::value const& what, base::blob const& note);

  [[nodiscard]] app_state const& state() const { return state_; }
  [[nodiscard]] base::blob checkpoint_blob() const;
  [[nodiscard]] certifier::seqno_t began_at() const { return began_at_; }
  // Equal on members that began at the same place.
  [[nodiscard]] std::uint64_t index_digest() const { return index_.digest(); }

 private:
  [[nodiscard]] bool is_complete() const { return state_.forgotten >= began_at_; }
  bool certify(xcom::message const& next, std::optional<bool> noted);
  void forget();

  certifier::seqno_t began_at_;
  certifier::seqno_t window_;
  certifier::certification index_;
  std::uint64_t reasons_ = 0;  // of the slot being delivered
  app_state state_;
};

// The newest checkpoint from which delivery to a database standing at (slot, state) can begin: it is not above the
// database, and the index is complete by then.
std::optional<xcom::checkpoint> start_for(std::vector<xcom::checkpoint> const& candidates, xcom::slot_no slot,
                                          app_state const& state);

}  // namespace sim
