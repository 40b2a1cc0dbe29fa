// Goal: the watch speaks up for a server that does what gr::exit_policy promises not to do, and only then. Method: told what a
// server does, step by step.
#include "sim/exit_watch.hh"

#include <gtest/gtest.h>

#include "sim/failure.hh"

namespace {

using sim::check_failed;
using sim::exit_watch;

constexpr std::uint64_t tries = 2;

TEST(exit_watch, lets_a_server_come_back_as_often_as_it_may) {
  exit_watch watch;
  for (int time = 0; time < 2; ++time) {
    watch.takes_write("n1");
    watch.dropped();
    watch.tries_again("n1", tries);
    watch.dropped();
    watch.tries_again("n1", tries);
    EXPECT_TRUE(watch.online());
    EXPECT_FALSE(watch.online()) << "once for each time it was out";
  }
}

TEST(exit_watch, sees_a_write_of_a_server_that_dropped_out) {
  exit_watch watch;
  watch.dropped();
  EXPECT_THROW(watch.takes_write("n1"), check_failed);
  watch.tries_again("n1", tries);
  EXPECT_THROW(watch.takes_write("n1"), check_failed);
  watch.process_ended();
  watch.takes_write("n1");
}

TEST(exit_watch, sees_an_attempt_too_many) {
  exit_watch watch;
  EXPECT_THROW(watch.tries_again("n1", tries), check_failed) << "it is in its group";
  watch.dropped();
  watch.tries_again("n1", tries);
  watch.tries_again("n1", tries);
  EXPECT_THROW(watch.tries_again("n1", tries), check_failed);
}

TEST(exit_watch, sees_whoever_acts_twice_or_goes_on_after_it) {
  exit_watch watch;
  EXPECT_THROW(watch.acts("n1"), check_failed) << "it is in its group";
  watch.dropped();
  watch.acts("n1");
  EXPECT_THROW(watch.acts("n1"), check_failed);
  EXPECT_THROW(watch.tries_again("n1", tries), check_failed);
}

}  // namespace
