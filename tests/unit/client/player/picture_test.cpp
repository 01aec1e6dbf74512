#include "client/player/picture.hpp"

#include <doctest/doctest.h>

#include "tests/unit/client/player/gst_samples.hpp"

namespace client {

TEST_CASE("a picture says its size and keeps its planes") {
  auto sample = test::picture();
  const auto picture = Picture::of(sample.get());
  sample.reset();
  REQUIRE(picture != nullptr);
  CHECK(picture->width() == 64);
  CHECK(picture->height() == 32);
  CHECK(picture->shown_width() == 64);
  CHECK(picture->plane(0).stride == 64);
  CHECK(picture->plane(1).stride == 32);
  CHECK(picture->plane(2).bytes[0] == std::byte{0});
}

TEST_CASE("pixels that are not square are shown as wide as they are") {
  CHECK(Picture::of(test::picture(",pixel-aspect-ratio=4/3").get())->shown_width() == 85);
}

TEST_CASE("what is no picture of the one form is none") {
  CHECK(Picture::of(test::sample_of("audio/x-raw,rate=48000", 64).get()) == nullptr);
  CHECK(
      Picture::of(test::sample_of("video/x-raw,format=NV12,width=64,height=32,framerate=25/1", 3072)
                      .get()) == nullptr);
  CHECK(Picture::of(test::sample_of("video/x-raw,format=I420,width=64,height=32,framerate=25/1", 10)
                        .get()) == nullptr);
}

}  // namespace client
