// Goal: brute force gets the contract's answer in every state of its victim. Method: each state by hand, no threads.
#include "gr/mariadb/transactions.hh"

#include <gtest/gtest.h>

namespace gr::mariadb {
namespace {

using gr::order_outcome;
using entry = commit_order::entry;

struct victim {
  victim() { gate.reset(10); }
  // As certify does, with the verdict given.
  abi::status certify(gr::ordered const& verdict) {
    if (auto const ready = trx.begin_certification(7, gr::flag_start | gr::flag_end, gate); ready.status != abi::ok)
      return ready.status;
    trx.note_verdict(verdict);
    return trx.end_certification().status;
  }
  commit_order gate;
  local_transaction trx{42};
};

gr::ordered passed(gr::seqno_t seqno) { return {order_outcome::passed, seqno, seqno - 1, ""}; }
gr::ordered failed(gr::seqno_t seqno) { return {order_outcome::failed, seqno, -1, ""}; }

TEST(local_transaction, aborted_while_executing_is_never_ordered) {
  victim it;
  EXPECT_EQ(it.trx.abort(11, it.gate).status, abi::ok);
  EXPECT_EQ(it.certify(passed(12)), abi::conn_fail);
  EXPECT_EQ(it.trx.look().seqno, -1);
}

TEST(local_transaction, aborted_in_certify_comes_back_to_be_replayed) {
  victim it;
  ASSERT_EQ(it.trx.begin_certification(7, 0, it.gate).status, abi::ok);
  EXPECT_EQ(it.trx.abort(11, it.gate).seqno, -1);
  it.trx.note_verdict(passed(12));
  EXPECT_EQ(it.trx.end_certification().status, abi::bf_abort);
  EXPECT_EQ(it.gate.enter(11), entry::entered);
  it.gate.leave(11);
  EXPECT_EQ(it.gate.enter(12), entry::entered);  // no interrupt is left for the replay
}

TEST(local_transaction, a_verdict_known_before_certify_returns_decides_who_is_first) {
  victim it;
  ASSERT_EQ(it.trx.begin_certification(7, 0, it.gate).status, abi::ok);
  it.trx.note_verdict(passed(11));
  EXPECT_EQ(it.trx.abort(12, it.gate).status, abi::not_allowed);
  EXPECT_EQ(it.trx.end_certification().status, abi::ok);
}

TEST(local_transaction, aborted_after_certify_is_interrupted_at_the_gate) {
  victim it;
  ASSERT_EQ(it.certify(passed(12)), abi::ok);
  auto const answer = it.trx.abort(11, it.gate);
  EXPECT_EQ(answer.status, abi::ok);
  EXPECT_EQ(answer.seqno, 12);
  EXPECT_EQ(it.gate.enter(12), entry::interrupted);
  EXPECT_EQ(it.trx.abort(11, it.gate).status, abi::ok);  // marked already
}

TEST(local_transaction, one_in_conflict_is_never_interrupted) {
  victim it;
  ASSERT_EQ(it.certify(failed(11)), abi::trx_fail);
  auto const answer = it.trx.abort(10, it.gate);
  EXPECT_EQ(answer.status, abi::not_allowed);
  EXPECT_EQ(answer.seqno, 11);
  EXPECT_EQ(it.gate.enter(11), entry::entered);
}

TEST(local_transaction, an_earlier_position_is_waited_for) {
  victim it;
  ASSERT_EQ(it.certify(passed(11)), abi::ok);
  EXPECT_EQ(it.trx.abort(12, it.gate).status, abi::not_allowed);
  EXPECT_EQ(it.gate.enter(11), entry::entered);
}

TEST(local_transaction, data_over_the_limit_poisons_it) {
  victim it;
  wsrep_buf const part{"0123456789", 10};
  EXPECT_EQ(it.trx.append_data({&part, 1}, 15), abi::ok);
  EXPECT_EQ(it.trx.append_data({&part, 1}, 15), abi::size_exceeded);
  EXPECT_EQ(it.certify(passed(11)), abi::size_exceeded);
}

TEST(local_transaction, what_was_never_ordered_has_no_position) {
  victim it;
  EXPECT_EQ(it.certify({order_outcome::unknown, -1, -1, "lost"}), abi::conn_fail);
  EXPECT_EQ(it.trx.look().seqno, -1);
}

TEST(transactions, a_handle_finds_its_transaction_until_it_is_forgotten) {
  transactions all;
  wsrep_ws_handle handle{5, nullptr};
  auto& made = all.of(handle);
  EXPECT_EQ(&all.of(handle), &made);
  EXPECT_EQ(all.find(5).get(), &made);
  EXPECT_EQ(all.find(6), nullptr);
  all.forget(5);
  EXPECT_EQ(all.find(5), nullptr);
  EXPECT_EQ(all.size(), 0U);
}

}  // namespace
}  // namespace gr::mariadb
