// SPDX-License-Identifier: Apache-2.0
#include "runtime/sha1.h"

#include <openssl/sha.h>

namespace slotway::runtime {

static_assert(sizeof(Sha1Digest) == SHA_DIGEST_LENGTH);

Sha1Digest Sha1(std::string_view bytes) {
  Sha1Digest digest;
  SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::string HexOf(std::span<const unsigned char> digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * digest.size());
  for (unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace slotway::runtime
