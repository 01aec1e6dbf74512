#include "relay/token/key.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <string>

#include "relay/base/assert.hpp"

namespace token {
namespace {

struct Free {
  void operator()(EVP_KDF* kdf) const noexcept { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const noexcept { EVP_KDF_CTX_free(context); }
};

OSSL_PARAM octets(const char* name, std::string& bytes) {
  return OSSL_PARAM_construct_octet_string(name, bytes.data(), bytes.size());
}

}  // namespace

// Everything here fails only where OpenSSL has no SHA-256 at all.
Key Key::derive(std::string_view secret, std::string_view label) {
  RELAY_ASSERT(!secret.empty());
  const std::unique_ptr<EVP_KDF, Free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  RELAY_ASSERT(kdf != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, Free> context(EVP_KDF_CTX_new(kdf.get()));
  RELAY_ASSERT(context != nullptr);
  std::string digest = "SHA256";
  std::string input(secret);
  std::string info(label);
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, input),
      info.empty() ? OSSL_PARAM_construct_end() : octets(OSSL_KDF_PARAM_INFO, info),
      OSSL_PARAM_construct_end()};
  Key key;
  RELAY_ASSERT(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(key.bytes_.data()),
                              key.bytes_.size(), parameters) == 1);
  OPENSSL_cleanse(input.data(), input.size());
  return key;
}

Key::~Key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Signature Key::sign(std::span<const std::byte> bytes) const {
  Signature signature{};
  unsigned size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(signature.data()), &size);
  RELAY_ASSERT(made != nullptr && size == signature.size());
  return signature;
}

bool Key::has_signed(std::span<const std::byte> bytes, const Signature& signature) const {
  const Signature ours = sign(bytes);
  return CRYPTO_memcmp(ours.data(), signature.data(), ours.size()) == 0;
}

Keys derive_keys(std::string_view secret, std::string_view previous) {
  Keys keys{Key::derive(secret), std::nullopt};
  if (!previous.empty()) keys.previous = Key::derive(previous);
  return keys;
}

}  // namespace token
