#pragma once

#include <uv.h>

#include <memory>

namespace loop {

/// uv_close() ends on a later turn of the loop, so the owner lets go now and the callback frees.
/// Whatever libuv reports in between finds data == nullptr and stops. Build it after uv_*_init().
template <class H>
struct CloseHandle {
  void operator()(H* handle) const noexcept {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) noexcept { delete reinterpret_cast<H*>(closed); });
  }
};
template <class H>
using Handle = std::unique_ptr<H, CloseHandle<H>>;

/// A member function to call on an object that outlives the caller: `bind<&Type::member>(object)`.
struct Callback {
  void* object;
  void (*call)(void* object) noexcept;

  void operator()() const noexcept { call(object); }
};
template <auto Member, class T>
Callback bind(T* object) noexcept {
  return {object, [](void* self) noexcept { (static_cast<T*>(self)->*Member)(); }};
}

}  // namespace loop
