#include "client/player/advice.hpp"

#include <array>
#include <string_view>

namespace client {
namespace {

struct Advice {
  std::string_view part;  // of the sentence that client/wire says
  std::string_view what_to_do;
};

constexpr std::array<Advice, 8> known{{
    {"cannot find the host", "check how the name is spelled, and the network"},
    {"efused", "nothing listens there: start the relay, or check host and port"},
    {"did not answer within", "check host and port, and whether a firewall is in between"},
    {"not_found", "nobody publishes it: start its camera, or check its name"},
    {"answered 404", "nobody publishes it: start its camera, or check its name"},
    {"answered 403", "the relay's operator says who may watch"},
    {"answered 503", "the relay is full or about to leave"},
    {"is it a Spancast relay?", "check host and port"},
}};

}  // namespace

std::string with_advice(const std::string& what, const Url& url) {
  for (const Advice& one : known) {
    if (what.find(one.part) == std::string::npos) continue;
    const bool names_stream = one.what_to_do.starts_with("nobody");
    const std::string what_to_do(one.what_to_do);
    if (names_stream) return std::string(url.path()) + ": " + what_to_do + " (" + what + ")";
    return what + " (" + what_to_do + ")";
  }
  return what;
}

}  // namespace client
