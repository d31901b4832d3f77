// SPDX-License-Identifier: Apache-2.0
#include "protocol/shared_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/function_dump.h"
#include "protocol/resp_writer.h"

namespace slotway::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// FUNCTION LIST ... WITHCODE of a server with these libraries, each with one function.
RespValue ListOf(const std::vector<std::pair<std::string, std::string>>& code_and_function) {
  std::string reply;
  StringSink sink{reply};
  RespWriter<StringSink> writer(sink, RespVersion::kResp2);
  writer.Array(code_and_function.size());
  for (const auto& [code, function] : code_and_function) {
    writer.Array(6);
    writer.Bulk("library_name");
    writer.Bulk(NameOfLibrary(code));
    writer.Bulk("functions");
    writer.Array(1);
    writer.Array(2);
    writer.Bulk("name");
    writer.Bulk(function);
    writer.Bulk("library_code");
    writer.Bulk(code);
  }
  return *ParseRespValue(reply);
}

std::string FunctionIn(const std::string& code) {
  const std::size_t begin = code.find('\'') + 1;
  return code.substr(begin, code.find('\'', begin) - begin);
}

TEST(SharedRecord, ATextComesBack) {
  std::string text = "any bytes: ]] \n";
  for (int byte = 0; byte < 256; ++byte) text.push_back(static_cast<char>(byte));
  const std::string code = RecordLibrary(17, text);
  EXPECT_EQ(NameOfLibrary(code), "slotway_users_00000000000000000017");
  EXPECT_EQ(NameOfLibrary(code), RecordLibraryName(17));
  const RespValue list = ListOf({{code, FunctionIn(code)}});
  EXPECT_THAT(RecordsIn(list), ElementsAre(MarkOf(17, text)));
  EXPECT_EQ(RecordTextIn(list, MarkOf(17, text)), text);
  EXPECT_EQ(RecordTextIn(list, MarkOf(17, "other")), std::nullopt);
  EXPECT_EQ(RecordTextIn(list, MarkOf(18, text)), std::nullopt);
}

TEST(SharedRecord, WhatOnlyLooksLikeOneIsNone) {
  const std::string code = RecordLibrary(17, "a");
  const std::string function = FunctionIn(code);
  const std::string other = RecordLibrary(18, "a");
  EXPECT_THAT(RecordsIn(ListOf({{code, FunctionIn(other)}})), IsEmpty());
  EXPECT_THAT(RecordsIn(ListOf({{"#!lua name=slotway_users_x\n", "f"}})), IsEmpty());
  EXPECT_THAT(RecordsIn(ListOf({{code, function + "0"}})), IsEmpty());
  // A text that is not what the name of its function says.
  std::string changed = code;
  changed.replace(changed.find("\n--61"), 5, "\n--62");
  EXPECT_EQ(RecordTextIn(ListOf({{changed, function}}), MarkOf(17, "a")), std::nullopt);
}

TEST(SharedRecord, TheNewestVersionIsTheGreatest) {
  EXPECT_LT(MarkOf(9, "z"), MarkOf(10, "a"));
  EXPECT_LT(RecordLibraryName(9), RecordLibraryName(10));
}

}  // namespace
}  // namespace slotway::protocol
