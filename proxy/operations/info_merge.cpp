// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/info_merge.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fmt/format.h>
#include <map>

#include "protocol/ascii.h"

namespace slotway::proxy {
namespace {

enum class Rule : std::uint8_t {
  kFirst,
  kSum,
  kMax,
  kMin,
  kWorst,   // the first that is not the good one of the first shard: "ok", then "err"
  kDrop,    // tells of one node only
  kHuman,   // of the field without "_human"
  kCounts,  // "a=1,b=2": added one by one, averages computed again
  kPercentiles,  // "p50=1.003,p99=2": the highest
  kRatio,   // kRatios
};

struct SectionRule {
  std::string_view section;
  Rule rule;  // of fields that kFieldRules does not name
};

constexpr SectionRule kSectionRules[] = {
    {"Server", Rule::kFirst},      {"Clients", Rule::kSum},
    {"Memory", Rule::kSum},        {"Persistence", Rule::kMax},
    {"Stats", Rule::kSum},         {"Replication", Rule::kFirst},
    {"CPU", Rule::kSum},           {"Modules", Rule::kFirst},
    {"Commandstats", Rule::kCounts}, {"Errorstats", Rule::kCounts},
    {"Latencystats", Rule::kPercentiles}, {"Cluster", Rule::kFirst},
    {"Keyspace", Rule::kCounts},
};

struct FieldRule {
  std::string_view name;
  Rule rule;
};

constexpr FieldRule kFieldRules[] = {
    // Server
    {"config_file", Rule::kDrop},
    {"executable", Rule::kDrop},
    {"server_time_usec", Rule::kMax},
    // Clients
    {"client_recent_max_input_buffer", Rule::kMax},
    {"client_recent_max_output_buffer", Rule::kMax},
    // Memory
    {"active_defrag_running", Rule::kMax},
    {"allocator_frag_ratio", Rule::kRatio},
    {"allocator_rss_ratio", Rule::kRatio},
    {"maxmemory_policy", Rule::kFirst},
    {"number_of_cached_scripts", Rule::kMax},  // every master has them
    {"number_of_functions", Rule::kMax},
    {"number_of_libraries", Rule::kMax},
    {"mem_allocator", Rule::kFirst},
    {"mem_fragmentation_ratio", Rule::kRatio},
    {"rss_overhead_ratio", Rule::kRatio},
    {"used_memory_dataset_perc", Rule::kRatio},
    {"used_memory_peak_perc", Rule::kRatio},
    // Persistence
    {"aof_base_size", Rule::kSum},
    {"aof_buffer_length", Rule::kSum},
    {"aof_current_size", Rule::kSum},
    {"aof_last_bgrewrite_status", Rule::kWorst},
    {"aof_last_write_status", Rule::kWorst},
    {"aof_rewrites", Rule::kSum},
    {"current_cow_size", Rule::kSum},
    {"current_save_keys_processed", Rule::kSum},
    {"current_save_keys_total", Rule::kSum},
    {"loading_loaded_bytes", Rule::kSum},
    {"loading_total_bytes", Rule::kSum},
    {"rdb_changes_since_last_save", Rule::kSum},
    {"rdb_last_bgsave_status", Rule::kWorst},
    {"rdb_last_load_keys_expired", Rule::kSum},
    {"rdb_last_load_keys_loaded", Rule::kSum},
    {"rdb_last_save_time", Rule::kMin},
    {"rdb_saves", Rule::kSum},
    // Stats
    {"expired_stale_perc", Rule::kMax},
    {"tracking_total_prefixes", Rule::kMax},  // every master is told them
    {"latest_fork_usec", Rule::kMax},
    // Replication: the replicas are the shards', the proxy has none
    {"master_repl_offset", Rule::kSum},
    // Keyspace: what Redis 7 calls a distribution is one shard's
};

// A field computed from others of its section: factor * dividend / divisor.
struct Ratio {
  std::string_view name, dividend, divisor, minus;  // `minus` is taken from the divisor
  double factor;
  std::string_view suffix;
};
constexpr Ratio kRatios[] = {
    {"allocator_frag_ratio", "allocator_active", "allocator_allocated", "", 1, ""},
    {"allocator_rss_ratio", "allocator_resident", "allocator_active", "", 1, ""},
    {"mem_fragmentation_ratio", "used_memory_rss", "used_memory", "", 1, ""},
    {"rss_overhead_ratio", "used_memory_rss", "allocator_resident", "", 1, ""},
    {"used_memory_dataset_perc", "used_memory_dataset", "used_memory", "used_memory_startup", 100,
     "%"},
    {"used_memory_peak_perc", "used_memory", "used_memory_peak", "", 100, "%"},
};

constexpr std::string_view kHumanSuffix = "_human";

struct Field {
  std::string name;
  std::vector<std::string> values;  // of the shards that have it
  std::string joined;
};

struct Section {
  std::string name;
  std::vector<Field> fields;
  std::vector<std::string> lines;  // Modules: lines whose names repeat, of the first shard

  Field* Find(std::string_view field_name) {
    for (Field& field : fields) {
      if (field.name == field_name) return &field;
    }
    return nullptr;
  }
};

Section& SectionOf(std::vector<Section>& sections, std::string_view name) {
  for (Section& section : sections) {
    if (section.name == name) return section;
  }
  sections.push_back({std::string(name), {}, {}});
  return sections.back();
}

void Read(std::string_view text, bool is_first, std::vector<Section>& sections) {
  Section* section = nullptr;
  // Commandstats has hundreds of fields: not one search each.
  std::map<std::string, std::size_t, std::less<>> index;
  while (!text.empty()) {
    auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("# ")) {
      section = &SectionOf(sections, line.substr(2));
      index.clear();
      for (std::size_t i = 0; i < section->fields.size(); ++i) index[section->fields[i].name] = i;
      continue;
    }
    auto colon = line.find(':');
    if (section == nullptr || colon == std::string_view::npos) continue;
    if (section->name == "Modules") {
      if (is_first) section->lines.emplace_back(line);
      continue;
    }
    std::string_view name = line.substr(0, colon);
    auto found = index.find(name);
    if (found == index.end()) {
      found = index.emplace(name, section->fields.size()).first;
      section->fields.push_back({std::string(name), {}, {}});
    }
    section->fields[found->second].values.emplace_back(line.substr(colon + 1));
  }
}

Rule RuleOf(std::string_view section, std::string_view field) {
  for (const FieldRule& rule : kFieldRules) {
    if (rule.name == field) return rule.rule;
  }
  if (field.ends_with(kHumanSuffix)) return Rule::kHuman;
  // "slave0:ip=...": one node's replicas.
  bool is_replica = field.size() > 5 && field.starts_with("slave") && field[5] >= '0' &&
                    field[5] <= '9';
  if (section == "Replication" && is_replica) return Rule::kDrop;
  for (const SectionRule& rule : kSectionRules) {
    if (rule.section == section) return rule.rule;
  }
  return Rule::kFirst;
}

// "1313624", "19.62", "100.14%"; how many decimals it has is kept.
struct Number {
  double value = 0;
  int decimals = 0;
  bool is_number = false;
};

Number ReadNumber(const std::string& text) {
  Number number;
  char* end = nullptr;
  number.value = std::strtod(text.c_str(), &end);
  number.is_number = !text.empty() && end == text.c_str() + text.size();
  auto dot = text.find('.');
  if (dot != std::string::npos) number.decimals = static_cast<int>(text.size() - dot - 1);
  return number;
}

std::string WriteNumber(double value, int decimals) {
  return fmt::format("{:.{}f}", value, decimals);
}

std::string Fold(const std::vector<std::string>& values, Rule rule) {
  Number total = ReadNumber(values.front());
  if (!total.is_number) return values.front();
  for (std::size_t i = 1; i < values.size(); ++i) {
    Number number = ReadNumber(values[i]);
    if (rule == Rule::kSum) total.value += number.value;
    if (rule == Rule::kMax) total.value = std::max(total.value, number.value);
    if (rule == Rule::kMin) total.value = std::min(total.value, number.value);
  }
  return WriteNumber(total.value, total.decimals);
}

// As Redis writes sizes for people.
std::string HumanSize(double bytes) {
  if (bytes < 1024) return fmt::format("{:.0f}B", bytes);
  constexpr char kUnits[] = "KMGTP";
  std::size_t unit = 0;
  bytes /= 1024;
  while (bytes >= 1024 && unit + 2 < sizeof kUnits) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.2f}{}", bytes, kUnits[unit]);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs ReadPairs(std::string_view text) {
  Pairs pairs;
  while (!text.empty()) {
    auto comma = text.find(',');
    std::string_view pair = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    pairs.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return pairs;
}

std::string* FindPair(Pairs& pairs, std::string_view name) {
  for (auto& [key, value] : pairs) {
    if (key == name) return &value;
  }
  return nullptr;
}

double NumberIn(Pairs& pairs, std::string_view name) {
  std::string* text = FindPair(pairs, name);
  return text == nullptr ? 0 : ReadNumber(*text).value;
}

std::string FoldPairs(const std::vector<std::string>& values, Rule rule) {
  Pairs joined = ReadPairs(values.front());
  double weighted_ttl = NumberIn(joined, "avg_ttl") * NumberIn(joined, "expires");
  for (std::size_t i = 1; i < values.size(); ++i) {
    Pairs pairs = ReadPairs(values[i]);
    weighted_ttl += NumberIn(pairs, "avg_ttl") * NumberIn(pairs, "expires");
    for (auto& [name, value] : pairs) {
      std::string* total = FindPair(joined, name);
      if (total == nullptr) {
        joined.emplace_back(name, value);
      } else {
        *total = Fold({*total, value}, rule == Rule::kPercentiles ? Rule::kMax : Rule::kSum);
      }
    }
  }
  double calls = NumberIn(joined, "calls"), expires = NumberIn(joined, "expires");
  if (std::string* average = FindPair(joined, "usec_per_call"); average && calls > 0) {
    *average = WriteNumber(NumberIn(joined, "usec") / calls, 2);
  }
  if (std::string* average = FindPair(joined, "avg_ttl")) {
    *average = WriteNumber(expires > 0 ? std::floor(weighted_ttl / expires) : 0, 0);
  }
  std::string text;
  for (const auto& [name, value] : joined) {
    if (!text.empty()) text += ',';
    text += name + "=" + value;
  }
  return text;
}

std::string Worst(const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    if (value != "ok") return value;
  }
  return values.front();
}

double JoinedNumber(Section& section, std::string_view name) {
  Field* field = section.Find(name);
  return field == nullptr ? 0 : ReadNumber(field->joined).value;
}

std::string ComputeRatio(Section& section, const Field& field) {
  for (const Ratio& ratio : kRatios) {
    if (ratio.name != field.name) continue;
    double divisor = JoinedNumber(section, ratio.divisor) - JoinedNumber(section, ratio.minus);
    double value = divisor == 0 ? 0 : ratio.factor * JoinedNumber(section, ratio.dividend) / divisor;
    return WriteNumber(value, 2) + std::string(ratio.suffix);
  }
  return field.values.front();
}

void Join(Section& section) {
  auto is_computed = [](Rule rule) { return rule == Rule::kHuman || rule == Rule::kRatio; };
  for (Field& field : section.fields) {
    Rule rule = RuleOf(section.name, field.name);
    if (is_computed(rule) || rule == Rule::kDrop) continue;
    if (rule == Rule::kFirst) field.joined = field.values.front();
    else if (rule == Rule::kWorst) field.joined = Worst(field.values);
    else if (rule == Rule::kCounts || rule == Rule::kPercentiles) {
      field.joined = FoldPairs(field.values, rule);
    } else {
      field.joined = Fold(field.values, rule);
    }
  }
  for (Field& field : section.fields) {
    Rule rule = RuleOf(section.name, field.name);
    if (rule == Rule::kRatio) field.joined = ComputeRatio(section, field);
    if (rule != Rule::kHuman) continue;
    std::string_view base = field.name;
    base.remove_suffix(kHumanSuffix.size());
    field.joined = HumanSize(JoinedNumber(section, base));
  }
  std::erase_if(section.fields, [&](const Field& field) {
    return RuleOf(section.name, field.name) == Rule::kDrop;
  });
}

void SetOwn(Section& section, const OwnInfoField& own) {
  Field* field = section.Find(own.name);
  if (field == nullptr) {
    section.fields.push_back({own.name, {}, own.value});
  } else {
    field->joined = own.value;
  }
}

}  // namespace

bool IsInfoSectionWanted(std::string_view section, std::span<const std::string> words) {
  // Shown only when they are asked for.
  constexpr std::array<std::string_view, 2> kRare = {"Commandstats", "Latencystats"};
  bool is_rare = std::find(kRare.begin(), kRare.end(), section) != kRare.end();
  if (words.empty()) return !is_rare;
  for (const std::string& word : words) {
    if (protocol::EqualsNoCase(word, section)) return true;
    if (protocol::EqualsNoCase(word, "all") || protocol::EqualsNoCase(word, "everything")) {
      return true;
    }
    if (protocol::EqualsNoCase(word, "default") && !is_rare) return true;
  }
  return false;
}

std::string MergeInfo(std::span<const std::string> texts, std::span<const OwnInfoField> own,
                      std::span<const std::string> words) {
  std::vector<Section> sections;
  for (std::size_t i = 0; i < texts.size(); ++i) Read(texts[i], i == 0, sections);
  for (Section& section : sections) Join(section);
  for (const OwnInfoField& field : own) {
    if (IsInfoSectionWanted(field.section, words)) SetOwn(SectionOf(sections, field.section), field);
  }
  // wire: lines of INFO end like this.
  constexpr std::string_view kLineEnd = "\r\n";
  std::string text;
  for (const Section& section : sections) {
    if (!text.empty()) text += kLineEnd;
    text += fmt::format("# {}{}", section.name, kLineEnd);
    for (const std::string& line : section.lines) text += fmt::format("{}{}", line, kLineEnd);
    for (const Field& field : section.fields) {
      text += fmt::format("{}:{}{}", field.name, field.joined, kLineEnd);
    }
  }
  return text;
}

}  // namespace slotway::proxy
