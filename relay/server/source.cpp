#include "relay/server/source.hpp"

#include "relay/server/child_environment.hpp"

namespace server {
namespace {

// A line of ffmpeg's concat script; a quote ends the quoted part for one escaped quote.
std::string quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + '\'';
}

// So long, instead of ten seconds, a track from which nothing comes holds up the others (tried: a
// camera whose sound stops).
constexpr const char* interleave_us = "1000000";

// Without ffmpeg's `timeout`: in a concat script it ends also a run that gets its bytes
// (tried: 5.1).
std::string rtsp_script(const std::string& url) {
  return "ffconcat version 1.0\nfile " + quoted(url) + "\noption rtsp_transport tcp\n";
}

}  // namespace

loop::Process::Command command_of(const control::SourceConfig& config, const std::string& path) {
  loop::Process::Command command;
  command.environment = child_environment({"SPANCAST_STREAM=" + path});
  if (config.url.empty()) {
    command.arguments = config.exec;
    return command;
  }
  command.arguments = {"ffmpeg",
                       "-hide_banner",
                       "-loglevel",
                       "warning",
                       "-protocol_whitelist",
                       "pipe,rtsp,rtsps,tcp,tls,udp,rtp,srtp,crypto",
                       "-f",
                       "concat",
                       "-safe",
                       "0",
                       "-i",
                       "pipe:0",
                       "-map",
                       "0:v?",
                       "-map",
                       "0:a?",
                       "-c",
                       "copy",
                       "-max_interleave_delta",
                       interleave_us,
                       "-f",
                       "mpegts",
                       "pipe:1"};
  command.input = rtsp_script(config.url);
  return command;
}

}  // namespace server
