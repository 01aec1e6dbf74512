#include "client/player/window.hpp"

#include <SDL.h>
#include <SDL_ttf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <utility>

namespace client {
namespace {

struct Destroy {
  void operator()(SDL_Window* window) const noexcept { SDL_DestroyWindow(window); }
  void operator()(SDL_Renderer* renderer) const noexcept { SDL_DestroyRenderer(renderer); }
  void operator()(SDL_Texture* texture) const noexcept { SDL_DestroyTexture(texture); }
  void operator()(SDL_Surface* surface) const noexcept { SDL_FreeSurface(surface); }
  void operator()(TTF_Font* font) const noexcept { TTF_CloseFont(font); }
};
template <class T>
using Pointer = std::unique_ptr<T, Destroy>;

// Where Debian's fonts-dejavu-core has it, and other systems; without it there is no text.
constexpr std::array<const char*, 4> fonts{
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
    "/usr/share/fonts/TTF/DejaVuSansMono.ttf",
    "/usr/share/fonts/dejavu/DejaVuSansMono.ttf",
};
constexpr int text_height = 16;
constexpr int margin = 8;
constexpr double scale_min = 0.4;      // smaller text can be read by nobody
constexpr std::size_t texts_max = 64;  // rendered lines that are kept

std::runtime_error cannot_open(const std::string& why) {
  return std::runtime_error("cannot open a window: " + why +
                            "; is there a display (DISPLAY or WAYLAND_DISPLAY)? add --headless "
                            "to decode without showing it");
}

std::optional<Key> key_of(const SDL_KeyboardEvent& event) {
  switch (event.keysym.sym) {
    case SDLK_SPACE:
      return Key::pause;
    case SDLK_LEFT:
      return Key::back;
    case SDLK_RIGHT:
      return Key::forward;
    case SDLK_l:
      return Key::live;
    case SDLK_s:
      return Key::statistics;
    case SDLK_f:
      return Key::full_screen;
    case SDLK_m:
      return Key::mute;
    case SDLK_q:
      return Key::quit;
    case SDLK_TAB:
      return (event.keysym.mod & KMOD_SHIFT) != 0 ? Key::previous_tile : Key::next_tile;
    default:
      return std::nullopt;
  }
}

double ratio(int room, int wanted) noexcept {
  return static_cast<double>(room) / std::max(wanted, 1);
}
int scaled(int length, double scale) noexcept { return static_cast<int>(length * scale); }

SDL_Rect to_rect(const Area& area) noexcept {
  return {area.left, area.top, area.width, area.height};
}

}  // namespace

class Window::Impl {
 public:
  explicit Impl(std::size_t pictures);
  ~Impl();

  std::optional<Input> poll();
  void wait(base::Duration most);
  void set_title(const std::string& title) { SDL_SetWindowTitle(window_.get(), title.c_str()); }
  void toggle_full_screen();
  std::pair<int, int> size() const;
  void set_picture(std::size_t number, const Picture& picture);
  void draw_picture(std::size_t number, const Area& area);
  void draw_frame(const Area& area);
  void draw_text(const std::vector<std::string>& lines, const Area& area, bool is_centered);
  void begin();
  void end() { SDL_RenderPresent(renderer_.get()); }

 private:
  struct Slot {
    Pointer<SDL_Texture> texture;
    int width = 0;
    int height = 0;
    int shown_width = 0;
  };
  struct Text {
    Pointer<SDL_Texture> texture;
    int width = 0;
    int height = 0;
  };

  Input input_of(const SDL_Event& event) const;
  const Text* text_of(const std::string& line);

  Pointer<SDL_Window> window_;
  Pointer<SDL_Renderer> renderer_;
  Pointer<TTF_Font> font_;
  std::vector<Slot> slots_;
  std::map<std::string, Text> texts_;
  bool is_full_screen_ = false;
};

Window::Impl::Impl(std::size_t pictures) : slots_(pictures) {
  // Signals are main's; a screen saver has no place before a film.
  SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
  SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "1");
  SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
  SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "0");
  if (SDL_Init(SDL_INIT_VIDEO) != 0) throw cannot_open(SDL_GetError());
  // Without a display SDL draws where nobody looks; only who asks for that means it.
  const std::string driver = SDL_GetCurrentVideoDriver();
  const bool is_seen = driver != "offscreen" && driver != "dummy";
  if (!is_seen && std::getenv("SDL_VIDEODRIVER") == nullptr) throw cannot_open("no display");
  window_.reset(SDL_CreateWindow("spancast-player", SDL_WINDOWPOS_UNDEFINED,
                                 SDL_WINDOWPOS_UNDEFINED, width_first, height_first,
                                 SDL_WINDOW_RESIZABLE));
  if (!window_) throw cannot_open(SDL_GetError());
  renderer_.reset(SDL_CreateRenderer(window_.get(), -1, SDL_RENDERER_PRESENTVSYNC));
  if (!renderer_) renderer_.reset(SDL_CreateRenderer(window_.get(), -1, SDL_RENDERER_SOFTWARE));
  if (!renderer_) throw cannot_open(SDL_GetError());
  // In software SDL only plays at waiting for the screen, by a rate that a virtual one makes up.
  SDL_RendererInfo info{};
  const bool is_known = SDL_GetRendererInfo(renderer_.get(), &info) == 0;
  if (is_known && (info.flags & SDL_RENDERER_SOFTWARE) != 0) SDL_RenderSetVSync(renderer_.get(), 0);
  if (TTF_Init() != 0) return;
  for (const char* path : fonts) {
    if (!font_) font_.reset(TTF_OpenFont(path, text_height));
  }
}

Window::Impl::~Impl() {
  texts_.clear();
  slots_.clear();
  font_.reset();
  if (TTF_WasInit() != 0) TTF_Quit();
  renderer_.reset();
  window_.reset();
  SDL_Quit();
}

std::optional<Window::Input> Window::Impl::poll() {
  SDL_Event event;
  if (SDL_PollEvent(&event) == 0) return std::nullopt;
  return input_of(event);
}

Window::Input Window::Impl::input_of(const SDL_Event& event) const {
  Input input;
  switch (event.type) {
    case SDL_QUIT:
      input.key = Key::quit;
      break;
    case SDL_KEYDOWN:
      // What is held down repeats: good for arrows, not for switches.
      input.key = key_of(event.key);
      if (event.key.repeat != 0 && input.key != Key::back && input.key != Key::forward) {
        input.key.reset();
      }
      break;
    case SDL_MOUSEBUTTONDOWN:
      input.is_click = event.button.button == SDL_BUTTON_LEFT;
      input.x = event.button.x;
      input.y = event.button.y;
      break;
    case SDL_WINDOWEVENT:
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
      input.must_draw = true;
      break;
    default:
      break;
  }
  return input;
}

void Window::Impl::wait(base::Duration most) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(most).count();
  if (ms > 0) SDL_WaitEventTimeout(nullptr, static_cast<int>(ms));
}

void Window::Impl::toggle_full_screen() {
  is_full_screen_ = !is_full_screen_;
  SDL_SetWindowFullscreen(window_.get(), is_full_screen_ ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
  SDL_ShowCursor(is_full_screen_ ? SDL_DISABLE : SDL_ENABLE);
}

std::pair<int, int> Window::Impl::size() const {
  int width = 0;
  int height = 0;
  SDL_GetRendererOutputSize(renderer_.get(), &width, &height);
  return {width, height};
}

void Window::Impl::set_picture(std::size_t number, const Picture& picture) {
  Slot& slot = slots_[number];
  if (!slot.texture || slot.width != picture.width() || slot.height != picture.height()) {
    slot.width = picture.width();
    slot.height = picture.height();
    slot.texture.reset(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_IYUV,
                                         SDL_TEXTUREACCESS_STREAMING, slot.width, slot.height));
  }
  slot.shown_width = picture.shown_width();
  if (!slot.texture) return;
  const auto bytes = [&picture](unsigned plane) {
    return reinterpret_cast<const Uint8*>(picture.plane(plane).bytes);
  };
  SDL_UpdateYUVTexture(slot.texture.get(), nullptr, bytes(0), picture.plane(0).stride, bytes(1),
                       picture.plane(1).stride, bytes(2), picture.plane(2).stride);
}

void Window::Impl::begin() {
  SDL_SetRenderDrawColor(renderer_.get(), 0, 0, 0, SDL_ALPHA_OPAQUE);
  SDL_RenderClear(renderer_.get());
}

void Window::Impl::draw_picture(std::size_t number, const Area& area) {
  const Slot& slot = slots_[number];
  if (!slot.texture) return;
  const SDL_Rect place = to_rect(fit(area, slot.shown_width, slot.height));
  SDL_RenderCopy(renderer_.get(), slot.texture.get(), nullptr, &place);
}

void Window::Impl::draw_frame(const Area& area) {
  SDL_SetRenderDrawColor(renderer_.get(), 80, 170, 255, SDL_ALPHA_OPAQUE);
  for (int inset = 0; inset < 3; ++inset) {
    const SDL_Rect edge{area.left + inset, area.top + inset, area.width - 2 * inset,
                        area.height - 2 * inset};
    SDL_RenderDrawRect(renderer_.get(), &edge);
  }
}

const Window::Impl::Text* Window::Impl::text_of(const std::string& line) {
  if (const auto found = texts_.find(line); found != texts_.end()) return &found->second;
  if (!font_ || line.empty()) return nullptr;
  const Pointer<SDL_Surface> surface(
      TTF_RenderUTF8_Blended(font_.get(), line.c_str(), SDL_Color{255, 255, 255, 255}));
  if (!surface) return nullptr;
  if (texts_.size() >= texts_max) texts_.clear();
  Text text{Pointer<SDL_Texture>(SDL_CreateTextureFromSurface(renderer_.get(), surface.get())),
            surface->w, surface->h};
  return &texts_.insert_or_assign(line, std::move(text)).first->second;
}

void Window::Impl::draw_text(const std::vector<std::string>& lines, const Area& area,
                             bool is_centered) {
  if (!font_) return;
  int widest = 0;
  for (const std::string& line : lines) {
    int width = 0;
    TTF_SizeUTF8(font_.get(), line.c_str(), &width, nullptr);
    widest = std::max(widest, width);
  }
  const int count = static_cast<int>(lines.size());
  const double scale =
      std::clamp(std::min(ratio(area.width - 4 * margin, widest),
                          ratio(area.height - 4 * margin, TTF_FontLineSkip(font_.get()) * count)),
                 scale_min, 1.0);
  const int height = scaled(TTF_FontLineSkip(font_.get()), scale);
  Area box{area.left + margin, 0,
           std::min(scaled(widest, scale) + 2 * margin, area.width - 2 * margin),
           std::min(height * count + 2 * margin, area.height - 2 * margin)};
  box.top = area.top + area.height - box.height - margin;
  if (is_centered) {
    box.left = area.left + (area.width - box.width) / 2;
    box.top = area.top + (area.height - box.height) / 2;
  }
  const SDL_Rect dark = to_rect(box);
  SDL_SetRenderDrawBlendMode(renderer_.get(), SDL_BLENDMODE_BLEND);
  SDL_SetRenderDrawColor(renderer_.get(), 0, 0, 0, 200);
  SDL_RenderFillRect(renderer_.get(), &dark);
  SDL_RenderSetClipRect(renderer_.get(), &dark);
  int top = box.top + margin;
  for (const std::string& line : lines) {
    if (const Text* const text = text_of(line)) {
      const SDL_Rect place{box.left + margin, top, scaled(text->width, scale),
                           scaled(text->height, scale)};
      SDL_RenderCopy(renderer_.get(), text->texture.get(), nullptr, &place);
    }
    top += height;
  }
  SDL_RenderSetClipRect(renderer_.get(), nullptr);
}

Window::Window(std::size_t pictures) : impl_(std::make_unique<Impl>(pictures)) {}
Window::~Window() = default;
std::optional<Window::Input> Window::poll() { return impl_->poll(); }
void Window::wait(base::Duration most) { impl_->wait(most); }
void Window::set_title(const std::string& title) { impl_->set_title(title); }
void Window::toggle_full_screen() { impl_->toggle_full_screen(); }
int Window::width() const { return impl_->size().first; }
int Window::height() const { return impl_->size().second; }
void Window::set_picture(std::size_t number, const Picture& picture) {
  impl_->set_picture(number, picture);
}
void Window::begin() { impl_->begin(); }
void Window::draw_picture(std::size_t number, const Area& area) {
  impl_->draw_picture(number, area);
}
void Window::draw_frame(const Area& area) { impl_->draw_frame(area); }
void Window::draw_text(const std::vector<std::string>& lines, const Area& area, bool is_centered) {
  impl_->draw_text(lines, area, is_centered);
}
void Window::end() { impl_->end(); }

}  // namespace client
