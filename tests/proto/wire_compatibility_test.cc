// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/wire_compatibility.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::testing {
namespace {

using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FileDescriptorSet Load(const std::string& path) {
  FileDescriptorSet set;
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  EXPECT_TRUE(set.ParseFromIstream(&in));
  return set;
}

FileDescriptorSet Promised() { return Load(PINTLE_SOURCE_DIR "/proto/pintle_v1.binpb"); }

google::protobuf::FileDescriptorProto& FileOf(FileDescriptorSet& set, const std::string& name) {
  for (auto& file : *set.mutable_file()) {
    if (file.name() == name) return file;
  }
  ADD_FAILURE() << name << " is not in the set";
  return *set.add_file();
}

TEST(WireCompatibilityTest, TodaysProtosKeepTheCommittedPromise) {
  const FileDescriptorSet now = Load(PINTLE_BINARY_DIR "/proto/gen/pintle_v1.binpb");
  EXPECT_GT(now.file_size(), 8);
  EXPECT_THAT(WireBreaks(Promised(), now), IsEmpty())
      << "a client built yesterday would break; give the new meaning a new field";
}

TEST(WireCompatibilityTest, AnAddedFieldIsNoBreak) {
  FileDescriptorSet now = Promised();
  auto* field = FileOf(now, "pintle/v1/chat.proto").mutable_message_type(0)->add_field();
  field->set_name("brand_new");
  field->set_number(500);
  field->set_type(FieldDescriptorProto::TYPE_STRING);
  EXPECT_THAT(WireBreaks(Promised(), now), IsEmpty());
}

TEST(WireCompatibilityTest, ARemovedFieldIsABreak) {
  FileDescriptorSet now = Promised();
  FileOf(now, "pintle/v1/chat.proto").mutable_message_type(1)->mutable_field()->RemoveLast();
  EXPECT_THAT(WireBreaks(Promised(), now), ElementsAre(HasSubstr("is gone")));
}

TEST(WireCompatibilityTest, ARenumberedFieldIsABreak) {
  FileDescriptorSet now = Promised();
  FileOf(now, "pintle/v1/chat.proto").mutable_message_type(1)->mutable_field(0)->set_number(99);
  EXPECT_THAT(WireBreaks(Promised(), now), ElementsAre(HasSubstr("number 99")));
}

TEST(WireCompatibilityTest, ARetypedFieldIsABreak) {
  FileDescriptorSet now = Promised();
  FileOf(now, "pintle/v1/chat.proto")
      .mutable_message_type(1)
      ->mutable_field(0)
      ->set_type(FieldDescriptorProto::TYPE_BYTES);
  EXPECT_THAT(WireBreaks(Promised(), now), ElementsAre(HasSubstr("type 12")));
}

TEST(WireCompatibilityTest, ARemovedEnumValueIsABreak) {
  FileDescriptorSet now = Promised();
  FileOf(now, "pintle/v1/chat.proto").mutable_enum_type(0)->mutable_value()->RemoveLast();
  EXPECT_THAT(WireBreaks(Promised(), now), ElementsAre(HasSubstr("enum value")));
}

TEST(WireCompatibilityTest, ARemovedOrNoLongerStreamingRpcIsABreak) {
  FileDescriptorSet now = Promised();
  auto* service = FileOf(now, "pintle/v1/inference.proto").mutable_service(0);
  service->mutable_method(0)->set_server_streaming(false);
  service->mutable_method()->RemoveLast();
  EXPECT_THAT(WireBreaks(Promised(), now),
              ElementsAre(HasSubstr("Generate was"), HasSubstr("ListModels is gone")));
}

}  // namespace
}  // namespace pintle::testing
