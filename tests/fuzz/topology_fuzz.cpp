// SPDX-License-Identifier: Apache-2.0
// Input: a redirect on the first line, then views of a cluster, separated by "=" lines.
// Merging does not depend on the order of the views and changes nothing when repeated.
#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/topology.h"
#include "tests/fuzz/fuzz_check.h"

namespace slotway::protocol {
namespace {

void CheckOwners(const Topology& topology) {
  for (int slot = 0; slot < kSlotCount; ++slot) {
    const std::uint16_t owner = topology.owner_of_slot[static_cast<std::size_t>(slot)];
    FUZZ_CHECK(owner == kNoNode || owner < topology.nodes.size());
  }
  for (const ClusterNode& node : topology.nodes) {
    FUZZ_CHECK(!node.endpoint.host.empty() && node.endpoint.port != 0);
  }
  FUZZ_CHECK(topology.RoutesLike(topology));
}

void CheckMerge(const std::vector<Topology>& views) {
  const Topology merged = MergeTopologies(views);
  CheckOwners(merged);
  const std::vector<Topology> reversed(views.rbegin(), views.rend());
  const Topology other = MergeTopologies(reversed);
  FUZZ_CHECK(other.owner_of_slot == merged.owner_of_slot);
  FUZZ_CHECK(other.nodes.size() == merged.nodes.size());
  FUZZ_CHECK(other.RoutesLike(merged));
  // It is nobody's own view: who lists only itself is forgotten where two were asked.
  Topology again = merged;
  for (ClusterNode& node : again.nodes) node.is_asked = false;
  FUZZ_CHECK(MergeTopologies({again, again}).RoutesLike(merged));
}

}  // namespace
}  // namespace slotway::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotway;
  using namespace slotway::protocol;
  std::string_view rest = fuzz::AsText(data, size);
  const Endpoint asked{"10.0.0.9", 7000};
  auto cut = [&rest](std::string_view separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view head = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + separator.size());
    return head;
  };
  Redirect redirect{};
  if (ParseRedirect(cut("\n"), asked, redirect)) {
    FUZZ_CHECK(ToInt(redirect.slot) < kSlotCount);
    FUZZ_CHECK(!redirect.endpoint.host.empty() && redirect.endpoint.port != 0);
  }
  std::vector<Topology> views;
  while (!rest.empty() && views.size() < 4) {
    auto view = ParseClusterNodes(cut("=\n"), asked);
    if (!view) continue;
    CheckOwners(*view);
    views.push_back(std::move(*view));
  }
  CheckMerge(views);
  return 0;
}
