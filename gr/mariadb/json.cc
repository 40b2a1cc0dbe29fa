// Boost.JSON, compiled here: the server's hosts need no library for it.
#include <boost/json/src.hpp>
