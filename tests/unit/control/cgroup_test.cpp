#include "relay/control/cgroup.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace fs = std::filesystem;

namespace {

/// A folder that looks like / to what looks for limits.
class Root {
 public:
  Root() {
    std::string name = (fs::temp_directory_path() / "spancast-cgroup-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Root() { fs::remove_all(path_); }

  void write(std::string_view file, std::string_view text) const {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("the quota of a v2 container is at its mount") {
  Root root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  CHECK(control::cpu_quota_millis(root.path()) == 1'500);
}

TEST_CASE("the least quota of all groups around a v2 process counts") {
  Root root;
  root.write("proc/self/cgroup", "0::/system.slice/relay.service\n");
  root.write("sys/fs/cgroup/system.slice/relay.service/cpu.max", "400000 100000\n");
  root.write("sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n");
  CHECK(control::cpu_quota_millis(root.path()) == 2'000);
  root.write("sys/fs/cgroup/system.slice/relay.service/cpu.max", "max 100000\n");
  CHECK(control::cpu_quota_millis(root.path()) == 2'000);
}

TEST_CASE("no quota is none in both versions") {
  Root root;
  CHECK_FALSE(control::cpu_quota_millis(root.path()));
  root.write("proc/self/cgroup", "4:cpu,cpuacct:/x\n0::/\n");
  CHECK_FALSE(control::cpu_quota_millis(root.path()));
  root.write("sys/fs/cgroup/cpu.max", "max 100000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(control::cpu_quota_millis(root.path()));
}

TEST_CASE("the quota of a v1 container is found though its path is the one of the host") {
  Root root;
  root.write("proc/self/cgroup", "5:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(control::cpu_quota_millis(root.path()) == 2'500);
}

TEST_CASE("a v1 mount that is named after one controller is found") {
  Root root;
  root.write("proc/self/cgroup", "2:cpuacct,cpu:/a/b\n0::/\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "50000\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  CHECK(control::cpu_quota_millis(root.path()) == 500);
}

TEST_CASE("a group outside of the namespace and nonsense in the files are passed over") {
  Root root;
  root.write("proc/self/cgroup", "0::/../../other\nnonsense\n:\n");
  root.write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  root.write("sys/other/cpu.max", "100000 100000\n");
  CHECK(control::cpu_quota_millis(root.path()) == 3'000);
  for (const char* text :
       {"", "x y", "100000", "100000 0", "-5 100000", "99999999999999999999 1"}) {
    CAPTURE(text);
    root.write("sys/fs/cgroup/cpu.max", text);
    CHECK_FALSE(control::cpu_quota_millis(root.path()));
  }
}

TEST_CASE("the memory limit is the least of all groups around a process in both versions") {
  Root root;
  CHECK_FALSE(control::memory_limit_bytes(root.path()));
  root.write("proc/self/cgroup", "0::/system.slice/relay.service\n");
  root.write("sys/fs/cgroup/system.slice/relay.service/memory.max", "max\n");
  CHECK_FALSE(control::memory_limit_bytes(root.path()));
  root.write("sys/fs/cgroup/system.slice/memory.max", "536870912\n");
  root.write("sys/fs/cgroup/memory.max", "1073741824\n");
  CHECK(control::memory_limit_bytes(root.path()) == 536870912);
  root.write("proc/self/cgroup", "9:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK_FALSE(control::memory_limit_bytes(root.path()));
  root.write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "268435456\n");
  CHECK(control::memory_limit_bytes(root.path()) == 268435456);
}

TEST_CASE("a memory limit that is no number of bytes is none") {
  CHECK(control::parse_memory_limit("0\n") == 0);
  CHECK(control::parse_memory_limit("4096") == 4096);
  for (const char* text : {"", "\n", "max", "-1", "4096 ", " 4096", "4k", "0x10", "\n4096",
                           "99999999999999999999999", "18446744073709551615"}) {
    CAPTURE(text);
    CHECK_FALSE(control::parse_memory_limit(text));
  }
}

TEST_CASE("a file without end and a folder in place of one are no limit") {
  Root root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", std::string(1 << 20, '1'));
  root.write("sys/fs/cgroup/cpu.max/here", "x");
  CHECK_FALSE(control::memory_limit_bytes(root.path()));
  CHECK_FALSE(control::cpu_quota_millis(root.path()));
  root.write("proc/self/cgroup", "0::/" + std::string(60'000, 'a') + "\n");
  CHECK_FALSE(control::memory_limit_bytes(root.path()));
  std::string deep = "0::";
  for (int depth = 0; depth < 10'000; ++depth) deep += "/a";
  root.write("proc/self/cgroup", deep + "\n");
  root.write("sys/fs/cgroup/memory.max", "4096\n");
  CHECK(control::memory_limit_bytes(root.path()) == 4096);
}

TEST_CASE("lines of groups that are none are passed over") {
  const auto groups = control::parse_cgroups(
      "12:cpu,cpuacct:/a:b\nnonsense\n1:only\n::\n5:../../etc:/\n0::/x\n3:memory:");
  REQUIRE(groups.size() == 4);
  CHECK(groups[0].controllers == "cpu,cpuacct");
  CHECK(groups[0].path == "/a:b");
  CHECK(groups[0].has("cpu"));
  CHECK(groups[0].has("cpuacct"));
  CHECK_FALSE(groups[0].has("cpua"));
  CHECK_FALSE(groups[0].has("cpu,cpuacct"));
  CHECK(groups[1].controllers.empty());
  CHECK(groups[2].path == "/x");
  CHECK(groups[3].has("memory"));
  CHECK(groups[3].path.empty());
}

TEST_CASE("a quota that is none of the kernel's does not overflow") {
  CHECK(control::parse_cpu_max("1 1000000") == 1);
  CHECK(control::parse_cpu_max("86400000000000 1") == 86'400'000'000'000'000);
  CHECK_FALSE(control::parse_cpu_max("86400000000001 1"));
  CHECK_FALSE(control::parse_cpu_max("1 18446744073709551615"));
  CHECK_FALSE(control::parse_cpu_quota("-1", "100000"));
}
