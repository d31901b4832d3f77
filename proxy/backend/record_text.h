// SPDX-License-Identifier: Apache-2.0
// A record's text with the last change that each process has made to it.
//
//   4f2a09c1d3e8b765.17 77aa...       processes and their changes' numbers, newest first
//   ...                               the text
// Whoever made a change and finds a newer record learns from them whether his own is in it, however
// much has come since. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::proxy {

struct RecordText {
  std::vector<std::string> changes;
  std::string text;

  bool Contains(std::string_view change) const {
    return std::find(changes.begin(), changes.end(), change) != changes.end();
  }

  static RecordText Parse(std::string_view stored) {
    RecordText record;
    const std::size_t line = std::min(stored.find('\n'), stored.size());
    std::string_view names = stored.substr(0, line);
    while (!names.empty()) {
      const std::size_t end = std::min(names.find(' '), names.size());
      record.changes.emplace_back(names.substr(0, end));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    record.text = stored.substr(std::min(line + 1, stored.size()));
    return record;
  }

  std::string Stored() const {
    std::string stored;
    for (const std::string& name : changes) stored += (stored.empty() ? "" : " ") + name;
    return stored + "\n" + text;
  }

  // The next text, made by that change: "process.number".
  RecordText Followed(std::string change, std::string next) const {
    constexpr std::size_t kProcessesMax = 256;
    const std::string process = change.substr(0, change.find('.') + 1);
    RecordText record{{std::move(change)}, std::move(next)};
    for (const std::string& other : changes) {
      if (record.changes.size() == kProcessesMax) break;
      if (!other.starts_with(process)) record.changes.push_back(other);
    }
    return record;
  }
};

}  // namespace slotway::proxy
