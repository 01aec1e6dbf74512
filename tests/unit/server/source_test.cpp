#include "relay/server/source.hpp"

#include <doctest/doctest.h>

#include <algorithm>

TEST_CASE("a program is run as it stands with its stream in the environment") {
  control::SourceConfig config;
  config.exec = {"camera", "--device", ""};
  const auto command = server::command_of(config, "live/cam");
  CHECK(command.arguments == config.exec);
  CHECK_FALSE(command.input);
  CHECK(std::ranges::count(command.environment, "SPANCAST_STREAM=live/cam") == 1);
}

TEST_CASE("the URL of a camera is told to ffmpeg and to nobody else") {
  control::SourceConfig config;
  config.url = "rtsp://user:it's@10.0.0.7/live";
  const auto command = server::command_of(config, "cam");
  CHECK(command.arguments.front() == "ffmpeg");
  CHECK(std::ranges::none_of(command.arguments, [](const std::string& argument) {
    return argument.find("it's") != std::string::npos;
  }));
  // A track that is silent does not hold up the others.
  const auto option = std::ranges::find(command.arguments, "-max_interleave_delta");
  REQUIRE(command.arguments.end() - option > 1);
  CHECK(option[1] == "1000000");
  REQUIRE(command.input);
  CHECK(command.input->find("\nfile 'rtsp://user:it'\\''s@10.0.0.7/live'\n") != std::string::npos);
}
