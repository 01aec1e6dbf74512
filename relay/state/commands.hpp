#pragma once

#include <filesystem>
#include <iosfwd>

// `spancast state …`, of the folder of a store. They throw std::runtime_error with a sentence when
// they cannot be done. All but import read only, also while a relay runs.
namespace state {

enum class Secrets { hidden, shown };

/// All records as JSON, to be read. Of tokens, which are as good as passwords, there is a short
/// fingerprint only, unless they are to be shown.
void dump_state(const std::filesystem::path& folder, Secrets secrets, std::ostream& out);

/// Looks at everything and says what is wrong. True: nothing.
bool check_state(const std::filesystem::path& folder, std::ostream& out);

/// All records as StoredRecords behind their lengths, also those that are damaged or of a newer
/// version, byte for byte. How many there were is told to `notes`.
void export_state(const std::filesystem::path& folder, std::ostream& out, std::ostream& notes);

/// Puts what an export holds into a store, which is made when missing; of two records with one name
/// the imported one stays. All or nothing. Refused while a relay uses the folder.
void import_state(const std::filesystem::path& folder, std::istream& in, std::ostream& notes);

}  // namespace state
