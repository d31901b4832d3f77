// SPDX-License-Identifier: Apache-2.0
// Input: a message of the cluster bus. What can be read can be written, and reads back as the same.
#include "storage/cluster/bus_message.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotway;
  using namespace slotway::storage::cluster;
  const std::string_view input = fuzz::AsText(data, size);
  auto length = BusMessageLength(input);
  auto message = DecodeBusMessage(input);
  if (!message) return 0;
  FUZZ_CHECK(length.has_value());
  FUZZ_CHECK(*length == input.size());
  std::string bytes;
  EncodeBusMessage(*message, bytes);
  auto again = DecodeBusMessage(bytes);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(*again == *message);
  return 0;
}
