#include "client/camera/onvif.hpp"

#include <glib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "client/gst/pointer.hpp"

namespace client::camera::onvif {
namespace {

constexpr std::string_view media_namespace = "http://www.onvif.org/ver10/media/wsdl";

struct Element {
  std::string_view attributes;
  std::string_view content;
  std::size_t end = 0;  // behind it in the text
};

bool is_name_end(char letter) {
  return letter == '>' || letter == '/' || letter == ' ' || letter == '\t' || letter == '\r' ||
         letter == '\n';
}

// The first element of that name, whatever its prefix, from `at` on. Namespaces are not looked at:
// nothing else is called like this in the few answers that are read. None lies within its like.
std::optional<Element> find_element(std::string_view xml, std::string_view name,
                                    std::size_t at = 0) {
  for (at = xml.find('<', at); at != std::string_view::npos; at = xml.find('<', at + 1)) {
    std::size_t begin = at + 1;
    std::size_t end = begin;
    while (end < xml.size() && !is_name_end(xml[end])) ++end;
    const std::string_view tag = xml.substr(begin, end - begin);
    const std::size_t colon = tag.find(':');
    const std::string_view local = colon == std::string_view::npos ? tag : tag.substr(colon + 1);
    if (local != name || tag.starts_with('/')) continue;
    const std::size_t close = xml.find('>', end);
    if (close == std::string_view::npos) return std::nullopt;
    Element element;
    element.attributes = xml.substr(end, close - end);
    element.end = close + 1;
    if (element.attributes.ends_with('/')) return element;
    const std::string ending = "</" + std::string(tag);
    std::size_t last = xml.find(ending, close);
    if (last == std::string_view::npos) return std::nullopt;
    element.content = xml.substr(close + 1, last - close - 1);
    element.end = last + ending.size();
    return element;
  }
  return std::nullopt;
}

std::string unescape(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> entities{
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};
  std::string out;
  while (!text.empty()) {
    bool is_entity = false;
    for (const auto& [entity, letter] : entities) {
      if (!text.starts_with(entity)) continue;
      out += letter;
      text.remove_prefix(entity.size());
      is_entity = true;
      break;
    }
    if (is_entity) continue;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::string escape(std::string_view text) {
  const gst::Pointer<gchar> escaped(
      g_markup_escape_text(text.data(), static_cast<gssize>(text.size())));
  return escaped.get();
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return unescape(text.substr(begin, text.find_last_not_of(space) - begin + 1));
}

std::string attribute(std::string_view attributes, std::string_view name) {
  const std::string begin = " " + std::string(name) + "=";
  const std::size_t at = attributes.find(begin);
  if (at == std::string_view::npos || at + begin.size() >= attributes.size()) return {};
  const char quote = attributes[at + begin.size()];
  const std::string_view rest = attributes.substr(at + begin.size() + 1);
  if ((quote != '"' && quote != '\'') || rest.find(quote) == std::string_view::npos) return {};
  return unescape(rest.substr(0, rest.find(quote)));
}

std::string base64(std::string_view bytes) {
  const gst::Pointer<gchar> text(
      g_base64_encode(reinterpret_cast<const guchar*>(bytes.data()), bytes.size()));
  return text.get();
}

// Web Services Security UsernameToken Profile 1.0, 3.1: SHA-1 over nonce, time and password.
std::string digest(const Stamp& stamp, std::string_view password) {
  const std::string text = stamp.nonce + stamp.created + std::string(password);
  GChecksum* checksum = g_checksum_new(G_CHECKSUM_SHA1);
  g_checksum_update(checksum, reinterpret_cast<const guchar*>(text.data()),
                    static_cast<gssize>(text.size()));
  std::array<guint8, 20> bytes{};
  gsize size = bytes.size();
  g_checksum_get_digest(checksum, bytes.data(), &size);
  g_checksum_free(checksum);
  return base64({reinterpret_cast<const char*>(bytes.data()), size});
}

std::string security(const Credentials& credentials, const Stamp& stamp) {
  if (credentials == Credentials{}) return {};
  const std::string oasis = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
  return "<Security s:mustUnderstand=\"1\" xmlns=\"" + oasis +
         "wssecurity-secext-1.0.xsd\"><UsernameToken><Username>" + escape(credentials.user) +
         "</Username><Password Type=\"" + oasis + "username-token-profile-1.0#PasswordDigest\">" +
         digest(stamp, credentials.password) + "</Password><Nonce EncodingType=\"" + oasis +
         "soap-message-security-1.0#Base64Binary\">" + base64(stamp.nonce) +
         "</Nonce><Created xmlns=\"" + oasis + "wssecurity-utility-1.0.xsd\">" + stamp.created +
         "</Created></UsernameToken></Security>";
}

std::string envelope(const std::string& header, const std::string& body) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
         "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header>" +
         header + "</s:Header><s:Body>" + body + "</s:Body></s:Envelope>";
}

// Of a list with spaces between.
std::string choose_address(std::string_view list, std::string_view sender) {
  std::string chosen;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(" \t\r\n"), list.size());
    const std::string_view one = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const auto url = one.starts_with("http://") ? parse_source_url(one) : std::nullopt;
    if (!url || g_hostname_is_ip_address(url->host.c_str()) == 0) continue;
    // Without user and password, should it tell any.
    if (url->host == sender) return url->location;
    if (chosen.empty()) chosen = url->location;
  }
  return chosen;
}

// Percent-encoded, as scopes are.
std::string name_in(std::string_view scopes) {
  constexpr std::string_view prefix = "onvif://www.onvif.org/name/";
  const std::size_t begin = scopes.find(prefix);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = scopes.substr(begin + prefix.size());
  const std::string name = unescape(rest.substr(0, rest.find_first_of(" \t\r\n")));
  const gst::Pointer<gchar> decoded(g_uri_unescape_string(name.c_str(), nullptr));
  return printable(decoded ? decoded.get() : name, name_bytes_max);
}

}  // namespace

std::string make_probe(std::string_view id) {
  const std::string discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
  const std::string addressing = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
  return envelope("<a:MessageID xmlns:a=\"" + addressing + "\">urn:uuid:" + std::string(id) +
                      "</a:MessageID><a:To xmlns:a=\"" + addressing +
                      "\">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action xmlns:a=\"" +
                      addressing + "\">" + discovery + "/Probe</a:Action>",
                  "<d:Probe xmlns:d=\"" + discovery +
                      "\"><d:Types xmlns:n=\"http://www.onvif.org/ver10/network/wsdl\">"
                      "n:NetworkVideoTransmitter</d:Types></d:Probe>");
}

std::vector<Match> read_matches(std::string_view xml, std::string_view sender) {
  std::vector<Match> matches;
  std::size_t at = 0;
  while (const auto element = find_element(xml, "ProbeMatch", at)) {
    at = element->end;
    const auto addresses = find_element(element->content, "XAddrs");
    if (!addresses || matches.size() == devices_max) continue;
    Match match;
    match.service = choose_address(trimmed(addresses->content), sender);
    if (match.service.empty()) continue;
    if (const auto id = find_element(element->content, "Address")) match.id = trimmed(id->content);
    if (const auto scopes = find_element(element->content, "Scopes")) {
      match.name = name_in(scopes->content);
    }
    matches.push_back(std::move(match));
  }
  return matches;
}

void add_matches(std::vector<Match>& known, std::vector<Match> found) {
  for (Match& match : found) {
    const bool is_known = std::ranges::any_of(known, [&match](const Match& one) {
      return one.service == match.service || (!match.id.empty() && one.id == match.id);
    });
    if (!is_known && known.size() < devices_max) known.push_back(std::move(match));
  }
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  const gst::Pointer<gchar> valid(
      g_utf8_make_valid(text.data(), static_cast<gssize>(std::min(text.size(), bytes_max))));
  std::string out;
  for (const gchar* at = valid.get(); *at != '\0'; at = g_utf8_next_char(at)) {
    const gchar* const end = g_utf8_next_char(at);
    if (out.size() + static_cast<std::size_t>(end - at) > bytes_max) break;
    if (g_unichar_isprint(g_utf8_get_char(at)) != 0) {
      out.append(at, end);
    } else {
      out += '?';
    }
  }
  return out;
}

std::string ask_services(const Credentials& credentials, const Stamp& stamp) {
  return envelope(security(credentials, stamp),
                  "<GetCapabilities xmlns=\"http://www.onvif.org/ver10/device/wsdl\">"
                  "<Category>Media</Category></GetCapabilities>");
}

std::string ask_profiles(const Credentials& credentials, const Stamp& stamp) {
  return envelope(security(credentials, stamp),
                  "<GetProfiles xmlns=\"" + std::string(media_namespace) + "\"/>");
}

std::string ask_stream_uri(std::string_view profile, const Credentials& credentials,
                           const Stamp& stamp) {
  return envelope(
      security(credentials, stamp),
      "<GetStreamUri xmlns=\"" + std::string(media_namespace) +
          "\"><StreamSetup><Stream xmlns=\"http://www.onvif.org/ver10/schema\">RTP-Unicast</Stream>"
          "<Transport xmlns=\"http://www.onvif.org/ver10/schema\"><Protocol>RTSP</Protocol>"
          "</Transport></StreamSetup><ProfileToken>" +
          escape(profile) + "</ProfileToken></GetStreamUri>");
}

std::optional<std::string> read_media_service(std::string_view xml) {
  const auto media = find_element(xml, "Media");
  const auto address = media ? find_element(media->content, "XAddr") : std::nullopt;
  if (!address) return std::nullopt;
  return trimmed(address->content);
}

std::vector<Profile> read_profiles(std::string_view xml) {
  std::vector<Profile> profiles;
  std::size_t at = 0;
  while (const auto element = find_element(xml, "Profiles", at)) {
    at = element->end;
    if (profiles.size() == profiles_max) break;
    const auto name = find_element(element->content, "Name");
    Profile profile{attribute(element->attributes, "token"), name ? trimmed(name->content) : ""};
    if (!profile.token.empty()) profiles.push_back(std::move(profile));
  }
  return profiles;
}

std::optional<std::string> read_stream_uri(std::string_view xml) {
  const auto uri = find_element(xml, "Uri");
  if (!uri || uri->content.empty()) return std::nullopt;
  return trimmed(uri->content);
}

bool is_denied(std::string_view xml) noexcept {
  return xml.find("NotAuthorized") != std::string_view::npos ||
         xml.find("FailedAuthentication") != std::string_view::npos;
}

}  // namespace client::camera::onvif
