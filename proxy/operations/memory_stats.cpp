// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/memory_stats.h"

#include <cstdlib>

namespace slotway::proxy {
namespace {

using protocol::RespValue;

// A figure that follows from two others: `factor` * dividend / divisor.
struct Ratio {
  std::string_view name, dividend, divisor;
  double factor;
};
constexpr Ratio kRatios[] = {
    {"keys.bytes-per-key", "", "keys.count", 1},
    {"dataset.percentage", "dataset.bytes", "", 100},
    {"peak.percentage", "total.allocated", "peak.allocated", 100},
    {"allocator-fragmentation.ratio", "allocator.active", "allocator.allocated", 1},
    {"allocator-rss.ratio", "allocator.resident", "allocator.active", 1},
    {"fragmentation", "", "total.allocated", 1},
};

MemoryFigure* Find(std::vector<MemoryFigure>& figures, std::string_view name) {
  for (MemoryFigure& figure : figures) {
    if (figure.name == name) return &figure;
  }
  return nullptr;
}

double IntegerOf(std::vector<MemoryFigure>& figures, std::string_view name) {
  MemoryFigure* figure = Find(figures, name);
  return figure == nullptr ? 0 : static_cast<double>(figure->integer);
}

// What Redis divides by: what is used beyond an empty server.
double NetBytes(std::vector<MemoryFigure>& figures) {
  return IntegerOf(figures, "total.allocated") - IntegerOf(figures, "startup.allocated");
}

void Add(std::span<const RespValue> pairs, std::vector<MemoryFigure>& figures) {
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    MemoryFigure* figure = Find(figures, pairs[i].text);
    if (figure == nullptr) {
      figure = &figures.emplace_back();
      figure->name = pairs[i].text;
    }
    const RespValue& value = pairs[i + 1];
    if (!value.elements.empty()) {
      Add(value.elements, figure->figures);
    } else if (value.kind == RespValue::Kind::kInteger) {
      figure->integer += value.integer;
    } else {
      // RESP2 has numbers as texts. Which shard's stays matters only for what is not computed.
      figure->is_number = true;
      figure->number = value.IsText() ? std::strtod(value.text.c_str(), nullptr) : value.number;
    }
  }
}

void ComputeRatios(std::vector<MemoryFigure>& figures) {
  double net = NetBytes(figures);
  for (const Ratio& ratio : kRatios) {
    MemoryFigure* figure = Find(figures, ratio.name);
    if (figure == nullptr) continue;
    double dividend = ratio.dividend.empty() ? net : IntegerOf(figures, ratio.dividend);
    double divisor = ratio.divisor.empty() ? net : IntegerOf(figures, ratio.divisor);
    if (ratio.name == "fragmentation") {
      dividend = divisor + IntegerOf(figures, "fragmentation.bytes");
    }
    double value = divisor == 0 ? 0 : ratio.factor * dividend / divisor;
    figure->number = value;
    if (!figure->is_number) figure->integer = static_cast<std::int64_t>(value);
  }
}

}  // namespace

std::vector<MemoryFigure> JoinMemoryStats(std::span<const RespValue> replies) {
  std::vector<MemoryFigure> figures;
  for (const RespValue& reply : replies) Add(reply.elements, figures);
  ComputeRatios(figures);
  return figures;
}

void WriteMemoryStats(std::span<const MemoryFigure> figures,
                      protocol::RespWriter<protocol::StringSink>& writer) {
  writer.Map(figures.size());
  for (const MemoryFigure& figure : figures) {
    writer.Bulk(figure.name);
    if (!figure.figures.empty()) {
      WriteMemoryStats(figure.figures, writer);
    } else if (figure.is_number) {
      writer.Double(figure.number);
    } else {
      writer.Integer(figure.integer);
    }
  }
}

}  // namespace slotway::proxy
