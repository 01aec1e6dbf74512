#include "client/camera/plan.hpp"

#include "client/camera/packages.hpp"

namespace client::camera {
namespace {

std::string to_text(const Fraction& fraction) {
  return std::to_string(fraction.numerator) + "/" + std::to_string(fraction.denominator);
}

std::string test_launch(const Options& options, const Plan& plan) {
  const Size size = options.size.value_or(Size{});
  const std::string picture =
      "videotestsrc name=picture is-live=true pattern=smpte ! video/x-raw,format=I420,width=" +
      std::to_string(size.width) + ",height=" + std::to_string(size.height) +
      ",framerate=" + to_text(options.fps.value_or(Fraction{})) + ",pixel-aspect-ratio=1/1";
  // A frame of sound is as long as the encoders' usual one.
  const std::string tone =
      "audiotestsrc is-live=true wave=sine freq=440 volume=0.2 samplesperbuffer=1024 ! "
      "audio/x-raw,rate=48000,channels=2";
  return picture + " ! " + plan.video_encoding + " ! " + sink_of(0) + " " + tone + " ! " +
         plan.audio_encoding + " ! " + sink_of(1);
}

// What raw video goes through before it is encoded, where the user asked for another form.
std::string reshaping(const Options& options) {
  std::string caps = "video/x-raw";
  std::string elements;
  if (options.size) {
    elements += "videoconvert ! videoscale ! ";
    caps += ",width=" + std::to_string(options.size->width) +
            ",height=" + std::to_string(options.size->height) + ",pixel-aspect-ratio=1/1";
  }
  if (options.fps) {
    elements += "videorate ! ";
    caps += ",framerate=" + to_text(*options.fps);
  }
  return elements.empty() ? elements : elements + caps + " ! ";
}

Failure no_encoder(const Options& options) {
  if (options.encoder.empty()) {
    return {ExitCode::failed, "there is no video encoder; looked for " + video_encoder_names() +
                                  ": install the Debian package " +
                                  std::string(package_of("x264enc"))};
  }
  if (package_of(options.encoder).empty()) {
    return {ExitCode::usage,
            "--encoder " + options.encoder + ": is one of " + video_encoder_names()};
  }
  return {ExitCode::failed,
          "the encoder " + options.encoder +
              " is not there, does not work here, or cannot be sent to this URL (" +
              "Debian package " + std::string(package_of(options.encoder)) + ")"};
}

}  // namespace

std::string sink_of(unsigned stream) {
  // Times are the capture's, so nothing is gained by waiting for the clock; Capture sets `sync` for
  // what is not live.
  return "appsink name=stream" + std::to_string(stream) +
         " sync=false qos=false enable-last-sample=false max-buffers=64";
}

std::variant<Plan, Failure> make_plan(const Options& options, Probe& probe) {
  Plan plan;
  plan.source = options.source;
  if (options.source == Options::Source::file) {
    plan.path = options.argument;
    plan.launch = "filesrc name=source ! parsebin name=parse";
    return plan;
  }
  const bool is_mpegts = !options.url.is_wire() && options.url.extension() == "ts";
  const auto video = choose_video_encoder(probe, options.encoder, is_mpegts);
  if (!video) return no_encoder(options);
  const auto audio = choose_audio_encoder(probe);
  if (!audio) {
    return Failure{ExitCode::failed, "there is no audio encoder: install the Debian package " +
                                         std::string(package_of("avenc_aac"))};
  }
  plan.notice = "encoding with " + video->element + " and " + audio->element;
  plan.video_encoding = reshaping(options) + video_encoding(*video, options.video());
  plan.audio_encoding = audio_encoding(*audio);
  plan.launch = options.argument;
  if (options.source == Options::Source::test) {
    plan.video_encoding = video_encoding(*video, options.video());
    plan.launch = test_launch(options, plan);
  }
  return plan;
}

}  // namespace client::camera
