#pragma once

#include <string_view>

namespace http {

/// 0-9 alone, and at least one.
bool is_digits(std::string_view text) noexcept;
/// RFC 9110, 5.6.2: a method, the name of a field.
bool is_token(std::string_view text) noexcept;
/// RFC 3986, 2.3: what may stand in a stream's name and needs no percent-encoding.
bool is_unreserved(char c) noexcept;
/// RFC 3986, 3.2.2: what may stand in a host's name.
bool is_name_character(char c) noexcept;
/// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text) noexcept;
/// The value of a hexadecimal digit, or -1.
int hex_digit(char c) noexcept;

}  // namespace http
