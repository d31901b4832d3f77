// SPDX-License-Identifier: Apache-2.0
// Input: a redis.conf. A line that can be cut into words is the same words again when they are
// quoted, and what the settings take they take again as they show it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/redis_conf.h"
#include "config/shard_settings.h"
#include "protocol/glob.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway::config;

void CheckWords(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto words = SplitConfLine(line);
    if (!words) continue;
    std::string quoted;
    for (const std::string& word : *words) quoted.append(QuoteConfWord(word)).push_back(' ');
    const auto again = SplitConfLine(quoted);
    FUZZ_CHECK(again.has_value());
    const bool is_comment = !words->empty() && words->front().starts_with('#');
    FUZZ_CHECK(is_comment || *again == *words);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = slotway::fuzz::AsText(data, size);
  CheckWords(text);
  // These read files.
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower.find("include") != std::string::npos || lower.find("file") != std::string::npos)
    return 0;
  ShardSettings settings;
  if (settings.ApplyRedisConf(text, "redis.conf")) return 0;
  if (settings.Validate()) return 0;
  for (const auto& [name, value] : settings.Get("*", &slotway::protocol::GlobMatchesNoCase)) {
    if (settings.Set(name, value)) continue;  // not all can be set, nor at any time
    const auto shown = settings.Get(name, &slotway::protocol::GlobMatchesNoCase);
    FUZZ_CHECK(!shown.empty() && shown.front().second == value);
  }
  return 0;
}
