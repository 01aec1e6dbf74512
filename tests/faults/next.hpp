#pragma once

#include <dlfcn.h>

namespace faults {

/// The function behind ours: the C library's.
template <class Function>
Function* next(Function*, const char* name) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace faults

// `real`: what a function of this name would be without us.
#define NEXT(function) static auto* const real = ::faults::next(&::function, #function)
