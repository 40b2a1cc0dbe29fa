// Events, actions and messages as a person reads them in a trace: one short line each.
#pragma once

#include <string>

#include "xcom/node.hh"

namespace sim {

std::string describe(xcom::ballot const& ballot);
std::string describe(xcom::value const& what);
std::string describe(xcom::wire_message const& what);
std::string describe(xcom::event const& what);
std::string describe(xcom::action const& what);

}  // namespace sim
