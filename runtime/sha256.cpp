// SPDX-License-Identifier: Apache-2.0
#include "runtime/sha256.h"

#include <array>
#include <openssl/sha.h>

#include "runtime/sha1.h"

namespace slotway::runtime {

std::string Sha256Hex(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return HexOf(digest);
}

}  // namespace slotway::runtime
