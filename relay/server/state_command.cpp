#include "relay/server/state_command.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include <CLI/CLI.hpp>

#include "relay/state/commands.hpp"

namespace server {
namespace {

std::runtime_error failure(const std::string& what, int error) {
  return std::runtime_error(what + ": " + std::generic_category().message(error));
}

}  // namespace

StateCommand::StateCommand(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("state", "what a relay keeps in state.path for its next start");
  command->require_subcommand(1);
  command->fallthrough();  // --config may come last
  command->add_option("--path", path_, "the folder; without it state.path");
  dump_ =
      command->add_subcommand("dump", "everything as JSON, to be read; also while a relay runs");
  dump_->add_flag("--show-tokens", show_secrets_, "tokens too, which are as good as passwords");
  check_ = command->add_subcommand(
      "check",
      "read everything and tell what is damaged; exit code 1 if any; also while a relay runs");
  export_ = command->add_subcommand(
      "export", "everything as Protobuf messages behind their lengths; also while a relay runs");
  export_->add_option("file", file_,
                      "a new file, mode 0600, for it holds tokens; - is standard output");
  import_ =
      command->add_subcommand("import", "put an export into the state; not while a relay runs");
  import_->add_option("file", file_, "the export; - is standard input");
  for (CLI::App* one : {dump_, check_, export_, import_}) one->fallthrough();
}

std::filesystem::path StateCommand::find_folder(const std::optional<std::filesystem::path>& config,
                                                control::Environment environment) const {
  std::filesystem::path folder = path_;
  if (folder.empty()) folder = control::load_config(config, environment).config.state.path;
  if (folder.empty()) {
    throw std::runtime_error("state.path is not set: give --config FILE or --path FOLDER");
  }
  return folder;
}

void StateCommand::export_to_file(const std::filesystem::path& folder) const {
  if (file_ == "-") return state::export_state(folder, std::cout, std::cerr);
  const int made = open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) throw failure("cannot make " + file_, errno);
  close(made);
  std::ofstream out(file_, std::ios::binary);
  state::export_state(folder, out, std::cerr);
}

void StateCommand::import_from_file(const std::filesystem::path& folder) const {
  if (file_ == "-") return state::import_state(folder, std::cin, std::cout);
  std::ifstream in(file_, std::ios::binary);
  if (!in) throw failure("cannot read " + file_, errno);
  state::import_state(folder, in, std::cout);
}

std::optional<int> StateCommand::run(const std::optional<std::filesystem::path>& config,
                                     control::Environment environment) const {
  if (!dump_->parsed() && !check_->parsed() && !export_->parsed() && !import_->parsed()) {
    return std::nullopt;
  }
  const std::filesystem::path folder = find_folder(config, environment);
  if (check_->parsed()) return state::check_state(folder, std::cout) ? 0 : 1;
  const auto secrets = show_secrets_ ? state::Secrets::shown : state::Secrets::hidden;
  if (dump_->parsed()) state::dump_state(folder, secrets, std::cout);
  if (export_->parsed()) export_to_file(folder);
  if (import_->parsed()) import_from_file(folder);
  return 0;
}

}  // namespace server
