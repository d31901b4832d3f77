// SPDX-License-Identifier: Apache-2.0
#include "runtime/secret.h"

#include <array>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace slotway::runtime {

bool SecretsEqual(std::string_view expected, std::string_view given) {
  // Digests have one length, whatever the secrets' is.
  auto digest = [](std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> result;
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), result.data());
    return result;
  };
  return CRYPTO_memcmp(digest(expected).data(), digest(given).data(), SHA256_DIGEST_LENGTH) == 0;
}

}  // namespace slotway::runtime
