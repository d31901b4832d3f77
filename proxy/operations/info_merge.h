// SPDX-License-Identifier: Apache-2.0
// INFO of several masters, and what the proxy says of itself, as one INFO that tools can read. Pure.
//
// A table says for each field how the shards' values become one; each section has a rule for the
// fields that it does not name. Where a client means the server it is connected to (its port, its
// clients, its uptime), the proxy's own value stands instead of the shards'.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::proxy {

// A field of the proxy's own. It takes the place of the shards', or is appended to its section.
struct OwnInfoField {
  std::string_view section;  // as in "# Server"
  std::string name;
  std::string value;
};

// Whether INFO with these words (without the command) shows the section; as Redis decides.
bool IsInfoSectionWanted(std::string_view section, std::span<const std::string> words);

// `texts` are the shards' INFO replies; sections and fields come in the first one's order. Lines
// end in CR LF, as Redis's do. Fields of `own` are shown if `words` ask for their section.
std::string MergeInfo(std::span<const std::string> texts, std::span<const OwnInfoField> own,
                      std::span<const std::string> words);

}  // namespace slotway::proxy
