# Writes the files of the next version into TO: those of FROM with one more field in every record, the next
# schema_version, and a migration to it for each kind. Run with cmake -DFROM=… -DTO=… -P.
set(migration [=[
// Of the version before: what a record says of itself is added to it.
void add_note(Message& record) {
  const auto& field = *record.GetDescriptor()->FindFieldByName("next_version_note");
  record.GetReflection()->SetString(&record, &field, "migrated");
}

}  // namespace

std::span<const Migration> migrations() noexcept {
  constexpr std::uint32_t from = current_version - 1;
  static constexpr Migration all[] = {
      {Kind::stream, from, add_note}, {Kind::publisher, from, add_note},
      {Kind::viewer, from, add_note}, {Kind::lease, from, add_note},
      {Kind::usage, from, add_note},  {Kind::revocation, from, add_note}};
  return all;
}
]=])

# change(FILE TO_FILE OLD NEW): OLD, a regular expression, must be there.
function(change file to old new)
  file(READ ${FROM}/${file} text)
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REGEX REPLACE "${old}" "${new}" changed "${text}")
  if(changed STREQUAL text)
    message(FATAL_ERROR "${file} has nothing like ${old} any more: mend tests/newer/next_version.cmake")
  endif()
  string(REPLACE "<semicolon>" ";" changed "${changed}")
  file(WRITE ${TO}/${to}/${file} "${changed}")
endfunction()

file(READ ${FROM}/relay/state/migrations.hpp header)
if(NOT header MATCHES "current_version = ([0-9]+);")
  message(FATAL_ERROR "relay/state/migrations.hpp has no current_version any more")
endif()
math(EXPR next "${CMAKE_MATCH_1} + 1")

change(schemas/session.proto . "( *uint32 schema_version = 1<semicolon>)"
  "  string next_version_note = 1000<semicolon>\n\\1")
change(relay/state/migrations.hpp source "current_version = [0-9]+" "current_version = ${next}")
string(REPLACE ";" "<semicolon>" migration "${migration}")
change(relay/state/migrations.cpp source
  "}  // namespace\n\nstd::span<const Migration> migrations\\(\\) noexcept { return {}<semicolon> }\n"
  "${migration}")
change(relay/state/streams.cpp source "(record.set_path\\(home.stream\\(\\).path\\(\\)\\)<semicolon>)"
  "\\1\n  record.set_next_version_note(\"written by the next version\")<semicolon>")
