#pragma once

#include <filesystem>
#include <string>

namespace token {

/// The secret of a relay that was given none: 32 random bytes, the same at every start, in a file
/// of one line that only its owner may read:
///
///     spancast-secret-1 <64 hexadecimal digits> <16 digits of their SHA-256>
///
/// Made when it is missing, whole or not at all; of several that make it at once, all get the one
/// that is there then. Its folder must be there. Blocks: for the start. Throws a
/// sentence: std::system_error when it cannot be read or made, std::runtime_error when others may
/// read it, or when it is damaged.
std::string load_or_make_secret(const std::filesystem::path& file);

}  // namespace token
