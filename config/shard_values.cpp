// SPDX-License-Identifier: Apache-2.0
// How the schema's kinds of fields are read and shown.
#include <charconv>
#include <limits>

#include "config/quantity.h"
#include "config/shard_schema.h"

namespace slotway::config {
namespace {

using Refusal = std::optional<std::string>;

constexpr std::string_view kWrongNumber = "wrong number of arguments";
constexpr std::string_view kNotInteger = "argument couldn't be parsed into an integer";
constexpr std::string_view kNotMemory = "argument must be a memory value";
constexpr std::string_view kNotBool = "argument must be 'yes' or 'no'";

bool SameWord(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string Between(const std::string& min, const std::string& max) {
  return "argument must be between " + min + " and " + max + " inclusive";
}

std::optional<bool> ParseYesNo(std::string_view text) {
  if (SameWord(text, "yes")) return true;
  if (SameWord(text, "no")) return false;
  return std::nullopt;
}

std::optional<int64_t> ParsePercent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  auto number = ParseInteger(text.substr(0, text.size() - 1));
  return number && *number >= 0 ? std::optional(*number) : std::nullopt;
}

int FindName(std::span<const std::string_view> names, std::string_view text) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (SameWord(names[i], text)) return static_cast<int>(i);
  }
  return -1;
}

std::string NamesText(std::span<const std::string_view> names) {
  std::string text = "argument(s) must be one of the following: ";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ", ";
    text += names[i];
  }
  return text;
}

// Redis takes an oversized memory value for a negative one where the setting is signed.
Refusal ReadSigned(std::string_view text, NumberUnit unit, int64_t min, int64_t max,
                   int64_t& value) {
  if (unit == NumberUnit::kMemory) {
    auto bytes = ParseSize(text);
    if (!bytes) return std::string(kNotMemory);
    value = *bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())
                ? -1
                : static_cast<int64_t>(*bytes);
  } else {
    auto number = ParseInteger(text);
    if (!number) return std::string(kNotInteger);
    value = *number;
  }
  if (value < min || value > max) return Between(std::to_string(min), std::to_string(max));
  return std::nullopt;
}

struct Writer {
  std::string_view text;
  std::span<const std::string> args;
  const Setting& setting;
  ShardConfig& config;

  Refusal operator()(const BoolField& field) const {
    auto value = ParseYesNo(text);
    if (!value) return std::string(kNotBool);
    config.*field.member = *value;
    return std::nullopt;
  }

  Refusal operator()(const SignedField& field) const {
    int64_t value = 0;
    Refusal refusal = ReadSigned(text, field.unit, field.min, field.max, value);
    if (!refusal) config.*field.member = value;
    return refusal;
  }

  Refusal operator()(const UnsignedField& field) const {
    uint64_t value = 0;
    if (field.unit == NumberUnit::kMemory) {
      auto bytes = ParseSize(text);
      if (!bytes) return std::string(kNotMemory);
      value = *bytes;
    } else {
      auto number = ParseInteger(text);
      if (!number) return std::string(kNotInteger);
      value = static_cast<uint64_t>(*number);  // a negative one is above every bound
    }
    if (value < field.min || value > field.max) {
      return Between(std::to_string(field.min), std::to_string(field.max));
    }
    config.*field.member = value;
    return std::nullopt;
  }

  Refusal operator()(const TextField& field) const {
    if (field.check) {
      if (Refusal refusal = field.check(text)) return refusal;
    }
    config.*field.member = text;
    return std::nullopt;
  }

  Refusal operator()(const EnumField& field) const {
    int value = FindName(field.names, text);
    if (value < 0) return NamesText(field.names);
    field.set(config, value);
    return std::nullopt;
  }

  Refusal operator()(const CustomField& field) const { return field.set(args, config); }

  Refusal operator()(const MemoryOrPercentField& field) const {
    MemoryOrPercent& value = config.*field.member;
    if (const auto percent = ParsePercent(text)) {
      if (*percent > 100) return "percentage argument must be less or equal to 100";
      value = {static_cast<uint64_t>(*percent), true};
      return std::nullopt;
    }
    const auto bytes = ParseSize(text);
    if (!bytes) return "argument must be a memory or percent value";
    // An oversized one is -1 to Redis, which is how it keeps one percent.
    const bool is_oversized = *bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    value = is_oversized ? MemoryOrPercent{1, true} : MemoryOrPercent{*bytes, false};
    return std::nullopt;
  }

  Refusal operator()(const AdviceField& field) const {
    std::string value(text);
    int64_t number = 0;
    switch (field.kind) {
      case AdviceField::Kind::kBool: {
        auto yes = ParseYesNo(text);
        if (!yes) return std::string(kNotBool);
        value = *yes ? "yes" : "no";
        break;
      }
      case AdviceField::Kind::kInteger:
      case AdviceField::Kind::kMemory: {
        NumberUnit unit =
            field.kind == AdviceField::Kind::kMemory ? NumberUnit::kMemory : NumberUnit::kPlain;
        if (Refusal refusal = ReadSigned(text, unit, field.min, field.max, number)) return refusal;
        value = std::to_string(number);
        break;
      }
      case AdviceField::Kind::kEnum: {
        int index = FindName(field.names, text);
        if (index < 0) return NamesText(field.names);
        value = field.names[static_cast<size_t>(index)];
        break;
      }
      case AdviceField::Kind::kText:
        break;
    }
    if (value == field.default_text) {
      config.advice.erase(std::string(setting.name));
    } else {
      config.advice.insert_or_assign(std::string(setting.name), std::move(value));
    }
    return std::nullopt;
  }
};

struct Formatter {
  const Setting& setting;
  const ShardConfig& config;

  std::string operator()(const BoolField& field) const {
    return config.*field.member ? "yes" : "no";
  }
  std::string operator()(const SignedField& field) const {
    return std::to_string(config.*field.member);
  }
  std::string operator()(const UnsignedField& field) const {
    return std::to_string(config.*field.member);
  }
  std::string operator()(const TextField& field) const { return config.*field.member; }
  std::string operator()(const EnumField& field) const {
    return std::string(field.names[static_cast<size_t>(field.get(config))]);
  }
  std::string operator()(const CustomField& field) const { return field.get(config); }
  std::string operator()(const MemoryOrPercentField& field) const {
    const MemoryOrPercent& value = config.*field.member;
    return std::to_string(value.amount) + (value.is_percent ? "%" : "");
  }
  std::string operator()(const AdviceField& field) const {
    auto found = config.advice.find(setting.name);
    return found == config.advice.end() ? std::string(field.default_text) : found->second;
  }
};

}  // namespace

std::optional<std::string> SetValue(const Setting& setting, std::span<const std::string> args,
                                    ShardConfig& config) {
  if (!setting.Is(kMultiArg) && args.size() != 1) return std::string(kWrongNumber);
  std::string joined;
  for (const std::string& arg : args) joined += joined.empty() ? arg : ' ' + arg;

  ShardConfig changed = config;
  if (Refusal refusal = std::visit(Writer{joined, args, setting, changed}, setting.field)) {
    return refusal;
  }
  if (!setting.only_default.empty()) {
    std::string only = DefaultValue(setting);
    if (FormatValue(setting, changed) != only) {
      return "only '" + only + "' is supported: " + std::string(setting.only_default);
    }
  }
  config = std::move(changed);
  return std::nullopt;
}

std::string FormatValue(const Setting& setting, const ShardConfig& config) {
  return std::visit(Formatter{setting, config}, setting.field);
}

std::string DefaultValue(const Setting& setting) {
  static const ShardConfig defaults;
  return FormatValue(setting, defaults);
}

}  // namespace slotway::config
