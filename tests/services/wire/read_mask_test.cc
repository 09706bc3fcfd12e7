// SPDX-License-Identifier: Apache-2.0
#include "services/wire/read_mask.h"

#include <string>

#include "gtest/gtest.h"
#include "pintle/v1/cache.pb.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

google::protobuf::FieldMask Mask(const std::vector<std::string>& paths) {
  google::protobuf::FieldMask mask;
  for (const std::string& path : paths) mask.add_paths(path);
  return mask;
}

v1::GetCacheStatsResponse Response() {
  v1::GetCacheStatsResponse response;
  for (const char* name : {"a", "b"}) {
    v1::WorkerCache* worker = response.add_workers();
    worker->set_worker(name);
    worker->set_policy("lru");
    worker->add_tiers()->set_blocks_free(7);
    worker->mutable_tiers(0)->set_blocks_total(9);
    worker->mutable_prefix()->set_query_tokens(5);
  }
  response.add_total()->set_blocks_free(14);
  return response;
}

TEST(ReadMaskTest, AnEmptyMaskWantsEverything) {
  v1::GetCacheStatsResponse response = Response();
  ApplyReadMask({}, &response);
  EXPECT_EQ(response.SerializeAsString(), Response().SerializeAsString());
}

TEST(ReadMaskTest, OnlyNamedFieldsStayAlsoBelowRepeatedOnes) {
  v1::GetCacheStatsResponse response = Response();
  ApplyReadMask(Mask({"workers.worker", "workers.tiers.blocks_free"}), &response);
  ASSERT_EQ(response.workers_size(), 2);
  EXPECT_EQ(response.workers(1).worker(), "b");
  EXPECT_EQ(response.workers(1).policy(), "");
  EXPECT_EQ(response.workers(1).tiers(0).blocks_free(), 7);
  EXPECT_EQ(response.workers(1).tiers(0).blocks_total(), 0);
  EXPECT_FALSE(response.workers(1).has_prefix());
  EXPECT_EQ(response.total_size(), 0);
}

TEST(ReadMaskTest, AFieldNamedWholeKeepsWhatIsBelow) {
  v1::GetCacheStatsResponse response = Response();
  ApplyReadMask(Mask({"workers.tiers", "workers.tiers.blocks_free"}), &response);
  EXPECT_EQ(response.workers(0).tiers(0).blocks_total(), 9);
}

TEST(ReadMaskTest, PathsThatAreNoFieldsAreRefusedWithoutRepeatingThem) {
  const auto& descriptor = *v1::GetCacheStatsResponse::descriptor();
  EXPECT_TRUE(ValidateReadMask(Mask({"workers.tiers", "total"}), descriptor).ok());
  for (const std::string path : {"", "secret", "workers.secret", "next_page_token.x", "workers."}) {
    const absl::Status status = ValidateReadMask(Mask({path}), descriptor);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << path;
    EXPECT_EQ(status.message().find("secret"), absl::string_view::npos);
  }
  EXPECT_FALSE(ValidateReadMask(Mask(std::vector<std::string>(65, "total")), descriptor).ok());
}

}  // namespace
}  // namespace pintle
