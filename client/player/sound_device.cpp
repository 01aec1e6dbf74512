#include "client/player/sound_device.hpp"

#include <SDL.h>

namespace client {
namespace {

constexpr int rate = 48'000;
constexpr int frames_at_once = 512;
constexpr int channels = 2;
// What is asked for now is heard when what the device has already is played: one such piece, about.
constexpr base::Duration ahead{std::chrono::nanoseconds{1'000'000'000} * frames_at_once / rate};

}  // namespace

class SoundDevice::Impl {
 public:
  Impl(Source& source, std::string& why_not) : source_(source) {
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) != 0) {
      why_not = std::string("no sound device, so pictures alone: ") + SDL_GetError();
      return;
    }
    is_initialised_ = true;
    SDL_AudioSpec wanted{};
    wanted.freq = rate;
    wanted.format = AUDIO_F32SYS;
    wanted.channels = channels;
    wanted.samples = frames_at_once;
    wanted.callback = &Impl::on_wanted;
    wanted.userdata = this;
    SDL_AudioSpec got{};
    device_ = SDL_OpenAudioDevice(nullptr, 0, &wanted, &got, 0);
    if (device_ == 0) {
      why_not = std::string("no sound device, so pictures alone: ") + SDL_GetError();
      return;
    }
    SDL_PauseAudioDevice(device_, 0);
  }
  ~Impl() {
    if (device_ != 0) SDL_CloseAudioDevice(device_);
    if (is_initialised_) SDL_QuitSubSystem(SDL_INIT_AUDIO);
  }
  bool is_open() const noexcept { return device_ != 0; }

 private:
  static void on_wanted(void* self, Uint8* bytes, int length) noexcept {
    const std::span<float> out(reinterpret_cast<float*>(bytes),
                               static_cast<std::size_t>(length) / sizeof(float));
    static_cast<Impl*>(self)->source_.take_sound(out, base::monotonic_now() + ahead);
  }

  Source& source_;
  bool is_initialised_ = false;
  SDL_AudioDeviceID device_ = 0;
};

SoundDevice::SoundDevice(Source& source, std::string& why_not)
    : impl_(std::make_unique<Impl>(source, why_not)) {}
SoundDevice::~SoundDevice() = default;
bool SoundDevice::is_open() const noexcept { return impl_->is_open(); }

}  // namespace client
