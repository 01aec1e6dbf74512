#include "relay/control/usable_cpus.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace fs = std::filesystem;

namespace {

/// A folder that looks like / to cpu_quota_millis().
class Root {
 public:
  Root() {
    std::string name = (fs::temp_directory_path() / "spancast-cpus-XXXXXX").string();
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

TEST_CASE("this process may use at least one core") { CHECK(control::usable_cpus() >= 1); }
