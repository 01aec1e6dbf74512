#include "relay/http/head_codec.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

#include "relay/base/assert.hpp"
#include "relay/http/errc.hpp"
#include "relay/http/head_reader.hpp"
#include "relay/http/head_rules.hpp"
#include "relay/http/response.hpp"

// The only file that includes Beast: it costs seconds and hundreds of megabytes to compile.
namespace http {
namespace {

namespace beast = boost::beast;

Method to_method(beast::http::verb verb) noexcept {
  switch (verb) {
    case beast::http::verb::get:
      return Method::get;
    case beast::http::verb::head:
      return Method::head;
    case beast::http::verb::put:
      return Method::put;
    case beast::http::verb::post:
      return Method::post;
    case beast::http::verb::options:
      return Method::options;
    case beast::http::verb::delete_:
      return Method::delete_;
    default:
      return Method::other;
  }
}

std::string to_string(beast::string_view text) { return {text.data(), text.size()}; }

// Fills a RequestHead. Never given a body, so the calls for bodies do nothing.
class Parser final : public beast::http::basic_parser<true> {
 public:
  Parser() {
    header_limit(head_bytes_max + 1);
    body_limit(boost::none);
  }
  RequestHead take() { return std::move(head_); }

 private:
  using Error = beast::error_code;
  using Text = beast::string_view;

  void on_request_impl(beast::http::verb verb, Text method, Text target, int version,
                       Error& error) override {
    error = {};
    head_.method = to_method(verb);
    head_.method_text = to_string(method);
    head_.target = to_string(target);
    head_.http_1_1 = version == 11;
  }
  void on_field_impl(beast::http::field, Text name, Text value, Error& error) override {
    error = {};
    head_.fields.emplace_back(to_string(name), to_string(value));
  }
  void on_header_impl(Error& error) override { error = {}; }
  void on_finish_impl(Error& error) override { error = {}; }

  void on_response_impl(int, Text, int, Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(Text, Error&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Error&) override { return 0; }

  RequestHead head_;
};

Errc to_errc(const beast::error_code& error) noexcept {
  if (error == beast::http::error::bad_version) return Errc::version_not_supported;
  if (error == beast::http::error::header_limit) return Errc::head_too_large;
  if (error == beast::http::error::bad_content_length ||
      error == beast::http::error::multiple_content_length ||
      error == beast::http::error::bad_transfer_encoding) {
    return Errc::bad_body_length;
  }
  return Errc::bad_field;
}

std::string without_controls(std::string_view value) {
  std::string clean(value);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return clean;
}

}  // namespace

base::Result<RequestHead> parse_head(std::string_view head) {
  if (auto checked = check_lines(head); !checked) return checked.error();
  Parser parser;
  beast::error_code error;
  const std::size_t parsed = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error) return to_errc(error);
  if (!parser.is_header_done() || parsed != head.size()) return Errc::bad_request;
  RequestHead request = parser.take();
  if (auto read = interpret(request); !read) return read.error();
  return request;
}

std::string write_head(const ResponseHead& head) {
  RELAY_ASSERT(head.status >= 100 && head.status <= 999);
  beast::http::response<beast::http::empty_body> response;
  response.version(head.http_1_1 ? 11 : 10);
  response.result(head.status);
  for (const auto& [name, value] : head.fields) response.insert(name, without_controls(value));
  beast::http::response_serializer<beast::http::empty_body> serializer(response);
  serializer.split(true);
  std::string bytes;
  while (!serializer.is_header_done()) {
    beast::error_code error;
    serializer.next(error, [&](beast::error_code& failed, const auto& buffers) {
      failed = {};
      std::size_t size = 0;
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        bytes.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      serializer.consume(size);
    });
    RELAY_ASSERT(!error);
  }
  return bytes;
}

}  // namespace http
