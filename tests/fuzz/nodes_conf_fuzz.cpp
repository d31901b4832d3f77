// SPDX-License-Identifier: Apache-2.0
// Input: a nodes.conf. What can be read can be written, and reads back as the same.
#include "storage/cluster/nodes_conf.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotway;
  using namespace slotway::storage::cluster;
  auto state = ParseNodesConf(fuzz::AsText(data, size));
  if (!state) return 0;
  const std::string text = FormatNodesConf(*state);
  auto again = ParseNodesConf(text);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(FormatNodesConf(*again) == text);
  FUZZ_CHECK(again->IsUp() == state->IsUp());
  FUZZ_CHECK(again->CurrentEpoch() == state->CurrentEpoch());
  for (std::size_t i = 0; i < state->Nodes().size(); ++i) {
    FUZZ_CHECK(again->Nodes()[i].slot_count == state->Nodes()[i].slot_count);
  }
  return 0;
}
