// SPDX-License-Identifier: Apache-2.0
// A record's text with the names of the last changes that made it.
//
//   4f2a09c1d3e8b765 77aa...          the names, newest first
//   ...                               the text
// Whoever made a change and finds a newer record learns from them whether his own is in it. Pure.
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

  // The next text, made by that change.
  RecordText Followed(std::string change, std::string next) const {
    constexpr std::size_t kRemembered = 64;  // more than are made while one is under way
    RecordText record{{std::move(change)}, std::move(next)};
    record.changes.insert(record.changes.end(), changes.begin(),
                          changes.begin() + static_cast<std::ptrdiff_t>(
                                                std::min(changes.size(), kRemembered - 1)));
    return record;
  }
};

}  // namespace slotway::proxy
