#include "client/camera/plan.hpp"

#include "client/camera/packages.hpp"

namespace client::camera {
namespace {

std::string to_text(const Fraction& fraction) {
  return std::to_string(fraction.numerator) + "/" + std::to_string(fraction.denominator);
}

std::string live_launch(const Plan& plan, const std::string& source) {
  return source + " ! " + plan.video_encoding + " ! " + sink_of(plan, 0);
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
  return live_launch(plan, picture) + " " + tone + " ! " + plan.audio_encoding + " ! " +
         sink_of(plan, 1);
}

// A camera may offer raw pictures or JPEGs, each in other sizes and rates.
std::string v4l2_launch(const Options& options, const Plan& plan) {
  std::string form;
  if (options.size) {
    form += ",width=" + std::to_string(options.size->width) +
            ",height=" + std::to_string(options.size->height);
  }
  if (options.fps) form += ",framerate=" + to_text(*options.fps);
  return live_launch(plan, "v4l2src name=source ! capsfilter caps=\"video/x-raw" + form +
                               ";image/jpeg" + form + "\" ! decodebin");
}

std::string screen_launch(const Options& options, const Plan& plan) {
  return live_launch(plan, "ximagesrc name=source use-damage=false ! video/x-raw,framerate=" +
                               to_text(options.fps.value_or(Fraction{})));
}

// By UDP, then by TCP. Packets that are missing are waited for so long; where none is, nothing
// waits.
constexpr const char* rtsp_launch =
    "rtspsrc name=source latency=200 protocols=udp+tcp timeout=2000000 tcp-timeout=5000000";

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

std::string sink_of(const Plan& plan, unsigned stream) {
  // Times are the capture's, so nothing is gained by waiting for the clock; Capture sets `sync` for
  // what is not live.
  std::string sink = "appsink name=stream" + std::to_string(stream) +
                     " qos=false enable-last-sample=false max-buffers=64";
  // Of what is announced some may never come; nobody waits for it.
  if (plan.source == Options::Source::rtsp) return sink + " async=false sync=false";
  // A command may write a film as fast as it can: it is let a second ahead of the clock.
  if (plan.source == Options::Source::pipe) {
    return sink + " async=false sync=true ts-offset=-1000000000";
  }
  return sink + " sync=false";
}

namespace {

// Those that pass on what is coded need encoders for the rest only, if at all.
Plan passing_plan(const Options& options, Probe& probe, bool is_mpegts) {
  Plan plan;
  plan.source = options.source;
  plan.path = options.argument;
  plan.credentials = options.credentials;
  plan.reencodes = true;
  plan.launch = options.source == Options::Source::rtsp ? rtsp_launch
                                                        : "fdsrc name=source ! parsebin name=pads";
  const auto video = choose_video_encoder(probe, options.encoder, is_mpegts);
  if (video) plan.video_encoding = reshaping(options) + video_encoding(*video, options.video());
  const auto audio = choose_audio_encoder(probe);
  if (audio) plan.audio_encoding = audio_encoding(*audio);
  return plan;
}

}  // namespace

std::variant<Plan, Failure> make_plan(const Options& options, Probe& probe) {
  Plan plan;
  plan.source = options.source;
  if (options.source == Options::Source::file) {
    plan.path = options.argument;
    plan.launch = "filesrc name=source ! parsebin name=pads";
    return plan;
  }
  const bool is_mpegts = !options.url.is_wire() && options.url.extension() == "ts";
  if (options.source == Options::Source::rtsp || options.source == Options::Source::pipe) {
    return passing_plan(options, probe, is_mpegts);
  }
  const auto video = choose_video_encoder(probe, options.encoder, is_mpegts);
  if (!video) return no_encoder(options);
  const bool has_sound =
      options.source == Options::Source::test || options.source == Options::Source::gst;
  const auto audio = has_sound ? choose_audio_encoder(probe) : std::optional<Encoder>(Encoder{});
  if (!audio) {
    return Failure{ExitCode::failed, "there is no audio encoder: install the Debian package " +
                                         std::string(package_of("avenc_aac"))};
  }
  plan.notice = "encoding with " + video->element;
  plan.video_encoding = reshaping(options) + video_encoding(*video, options.video());
  if (has_sound) {
    plan.notice += " and " + audio->element;
    plan.audio_encoding = audio_encoding(*audio);
  }
  plan.launch = plan.path = options.argument;
  if (options.source == Options::Source::v4l2) plan.launch = v4l2_launch(options, plan);
  if (options.source == Options::Source::screen) plan.launch = screen_launch(options, plan);
  if (options.source == Options::Source::test) {
    plan.video_encoding = video_encoding(*video, options.video());
    plan.launch = test_launch(options, plan);
  }
  return plan;
}

}  // namespace client::camera
