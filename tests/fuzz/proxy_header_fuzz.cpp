// SPDX-License-Identifier: Apache-2.0
// Input: what a connection begins with. However it is cut, the outcome is the same, and nothing
// behind the header counts.
#include <algorithm>
#include <string>

#include "runtime/proxy_header.h"
#include "tests/fuzz/fuzz_check.h"

using slotway::runtime::ParseProxyHeader;
using slotway::runtime::ProxyHeader;
using slotway::runtime::ProxyHeaderStatus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = slotway::fuzz::AsText(data, size);
  ProxyHeader header;
  const auto status = ParseProxyHeader(input, header);
  if (status == ProxyHeaderStatus::kComplete) {
    FUZZ_CHECK(header.size >= 16 && header.size <= input.size());
    FUZZ_CHECK(header.has_addresses == (header.source.Family() != 0));
    FUZZ_CHECK(header.source.Family() == header.destination.Family());
    ProxyHeader again;
    FUZZ_CHECK(ParseProxyHeader(std::string(input.substr(0, header.size)) + "x", again) == status);
    FUZZ_CHECK(again.size == header.size && again.source == header.source);
  }
  const std::size_t cuts = std::min<std::size_t>(input.size(), 600);
  for (std::size_t cut = 0; cut < cuts; ++cut) {
    ProxyHeader part;
    const auto sooner = ParseProxyHeader(input.substr(0, cut), part);
    if (sooner == ProxyHeaderStatus::kMalformed) FUZZ_CHECK(status == sooner);
    if (sooner == ProxyHeaderStatus::kComplete) {
      FUZZ_CHECK(status == sooner && part.size == header.size);
    }
  }
  return 0;
}
