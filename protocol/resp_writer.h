// SPDX-License-Identifier: Apache-2.0
// Writes replies in a client's protocol version, and requests, into any byte sink.
//
// A sink is a type with `void Append(std::string_view)`: a connection's output queue or a
// StringSink. Everything about RESP's syntax on the way out lives here. Where RESP2 lacks a RESP3
// type, the writer falls back as Redis does (a map becomes a flat array, null a null bulk, ...).
#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slotway::protocol {

enum class RespVersion : std::uint8_t { kResp2 = 2, kResp3 = 3 };

struct StringSink {
  std::string& out;
  void Append(std::string_view bytes) { out.append(bytes); }
};

// How servers print doubles: the shortest text that reads back as the same, since Redis 7.2, or 17
// significant digits, as before.
enum class DoubleStyle : std::uint8_t { kShortest, kSeventeenDigits };

// The text reads back as the same double: "0.1", "1e+21", "inf", "-inf", "nan".
std::string_view FormatDouble(double value, std::span<char, 32> buffer,
                              DoubleStyle style = DoubleStyle::kShortest);

template <class Sink>
class RespWriter {
 public:
  RespWriter(Sink& sink, RespVersion version, DoubleStyle doubles = DoubleStyle::kShortest)
      : sink_(sink), version_(version), doubles_(doubles) {}

  RespVersion Version() const { return version_; }
  // HELLO answers in the version that it asks for.
  void SetVersion(RespVersion version) { version_ = version; }
  bool IsResp3() const { return version_ == RespVersion::kResp3; }

  void SimpleString(std::string_view text) { Line('+', text); }
  void Ok() { sink_.Append("+OK\r\n"); }
  // `text` starts with its code: "ERR syntax error". CR and LF inside become spaces.
  void Error(std::string_view text) {
    if (text.find_first_of("\r\n") == std::string_view::npos) {
      Line('-', text);
      return;
    }
    std::string clean(text);
    for (char& c : clean) {
      if (c == '\r' || c == '\n') c = ' ';
    }
    Line('-', clean);
  }
  void Integer(std::int64_t value) { Number(':', value); }
  void Bulk(std::string_view bytes) {
    Number('$', static_cast<std::int64_t>(bytes.size()));
    sink_.Append(bytes);
    sink_.Append("\r\n");
  }
  void BulkInteger(std::int64_t value) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    Bulk({digits, static_cast<std::size_t>(end - digits)});
  }
  void Null() { sink_.Append(IsResp3() ? "_\r\n" : "$-1\r\n"); }
  void NullArray() { sink_.Append(IsResp3() ? "_\r\n" : "*-1\r\n"); }
  void Array(std::size_t count) { Number('*', static_cast<std::int64_t>(count)); }
  void Set(std::size_t count) { Number(IsResp3() ? '~' : '*', static_cast<std::int64_t>(count)); }
  void Map(std::size_t pairs) {
    Number(IsResp3() ? '%' : '*', static_cast<std::int64_t>(IsResp3() ? pairs : 2 * pairs));
  }
  void Push(std::size_t count) { Number(IsResp3() ? '>' : '*', static_cast<std::int64_t>(count)); }
  void Boolean(bool value) {
    if (IsResp3()) {
      sink_.Append(value ? "#t\r\n" : "#f\r\n");
    } else {
      Integer(value ? 1 : 0);
    }
  }
  void Double(double value) {
    char buffer[32];
    std::string_view text = FormatDouble(value, std::span<char, 32>(buffer), doubles_);
    DoubleText(text);
  }
  // A double that has been printed.
  void DoubleText(std::string_view text) {
    if (IsResp3()) {
      Line(',', text);
    } else {
      Bulk(text);
    }
  }
  // `format` is three letters, "txt" or "mkd".
  void Verbatim(std::string_view format, std::string_view text) {
    if (!IsResp3()) {
      Bulk(text);
      return;
    }
    Number('=', static_cast<std::int64_t>(text.size() + 4));
    sink_.Append(format);
    sink_.Append(":");
    sink_.Append(text);
    sink_.Append("\r\n");
  }

 private:
  void Line(char type, std::string_view text) {
    sink_.Append({&type, 1});
    sink_.Append(text);
    sink_.Append("\r\n");
  }
  void Number(char type, std::int64_t value) {
    char line[32];
    line[0] = type;
    char* end = std::to_chars(line + 1, line + sizeof line - 2, value).ptr;
    *end++ = '\r';
    *end++ = '\n';
    sink_.Append({line, static_cast<std::size_t>(end - line)});
  }

  Sink& sink_;
  RespVersion version_;
  DoubleStyle doubles_;
};

// Appends one request as a RESP array of bulk strings.
template <class Sink>
void WriteRequest(Sink& sink, std::span<const std::string_view> args) {
  RespWriter<Sink> writer(sink, RespVersion::kResp2);
  writer.Array(args.size());
  for (std::string_view arg : args) writer.Bulk(arg);
}

}  // namespace slotway::protocol
