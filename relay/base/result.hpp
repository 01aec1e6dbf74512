#pragma once

#include <string>
#include <type_traits>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace base {

/// A value, or what a peer, a disk or a network did instead.
template <class T>
using Result = boost::system::result<T>;

using Error = boost::system::error_code;

/// The category of one protocol's `Errc`: `describe(errc)` (found by argument-dependent lookup) is
/// the sentence that logs and responses show.
template <class Errc>
class ErrcCategory final : public boost::system::error_category {
 public:
  explicit ErrcCategory(const char* name) : name_(name) {}
  const char* name() const noexcept override { return name_; }
  std::string message(int value) const override { return describe(static_cast<Errc>(value)); }

 private:
  const char* name_;
};

}  // namespace base

/// Makes `NAMESPACE::Errc` convertible to `base::Error`; use outside every namespace.
#define RELAY_ERROR_CODES(NAMESPACE)                                             \
  template <>                                                                    \
  struct boost::system::is_error_code_enum<NAMESPACE::Errc> : std::true_type {}; \
  namespace NAMESPACE {                                                          \
  inline boost::system::error_code make_error_code(Errc errc) {                  \
    static const ::base::ErrcCategory<Errc> category{#NAMESPACE};                \
    return {static_cast<int>(errc), category};                                   \
  }                                                                              \
  }
