#include "relay/server/recordings_command.hpp"

#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "relay/disk/commands.hpp"
#include "relay/disk/folders.hpp"

namespace server {

RecordingsCommand::RecordingsCommand(CLI::App& app) {
  CLI::App* const command = app.add_subcommand(
      "recordings", "what is recorded in recording.root, also while a relay runs");
  command->require_subcommand(1);
  command->fallthrough();  // --config may come last
  command->add_option("--root", root_, "the folder; without it recording.root");
  list_ = command->add_subcommand("list", "a table of the streams");
  list_->add_flag("--json", as_json_, "the same as JSON");
  verify_ = command->add_subcommand(
      "verify", "read everything and tell of what is not as it was written; exit code 1 if any");
  reindex_ = command->add_subcommand(
      "reindex", "make the catalog anew from the files; not while a relay runs");
  for (CLI::App* one : {list_, verify_, reindex_}) one->fallthrough();
}

std::filesystem::path RecordingsCommand::find_root(
    const std::optional<std::filesystem::path>& config, control::Environment environment) const {
  std::filesystem::path root = root_;
  if (root.empty()) root = control::load_config(config, environment).config.recording.root;
  if (root.empty()) {
    throw std::runtime_error("recording.root is not set: give --config FILE or --root FOLDER");
  }
  if (!std::filesystem::is_directory(root)) {
    throw std::runtime_error("there is no folder " + root.string());
  }
  return disk::normal_root(root);
}

std::optional<int> RecordingsCommand::run(const std::optional<std::filesystem::path>& config,
                                          control::Environment environment) const {
  if (!list_->parsed() && !verify_->parsed() && !reindex_->parsed()) return std::nullopt;
  const std::filesystem::path root = find_root(config, environment);
  std::ostream* const bar = isatty(STDERR_FILENO) == 1 ? &std::cerr : nullptr;
  if (verify_->parsed()) return disk::verify_recordings(root, std::cout, bar) ? 0 : 1;
  if (list_->parsed()) disk::list_recordings(root, as_json_, std::cout);
  if (reindex_->parsed()) disk::reindex_recordings(root, std::cout, bar);
  return 0;
}

}  // namespace server
