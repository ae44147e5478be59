// SPDX-License-Identifier: Apache-2.0
// The front end of `ajail run`: reads what was asked for against what is there, and writes a Spec.
#pragma once

#include "cli/caller.h"
#include "cli/guard.h"
#include "cli/options.h"
#include "cli/own_places.h"
#include "cli/report.h"
#include "spec/plan.h"
#include "store/lock.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ajail::cli {

/// The reason why nothing is run; thrown by Front, and caught by who uses it.
struct Refused {
    std::string message;
};

/// What is shown of a grant in the status block.
struct ShownGrant {
    std::string source, target;
    const char* kind;
};

class Front {
public:
    Front(const RunOptions& options, const spec::Host& host, Caller caller)
        : options_(options), host_(host), caller_(std::move(caller)),
          guard_(!options.hooks, patterns(options.protect)),
          own_places_(caller_.ajail_home, options.dry_run != RunOptions::DryRun::no) {}
    spec::Spec spec();
    /// Where the report goes, if there is to be one. What a jail may have made is not followed, as with sources.
    std::optional<Report> report(mode_t umask) const;
    std::string why_not_locked(store::Hold wanted, const sys::Error& error) const;
    void status(const spec::Plan& plan) const;
    const std::string& directory_of_run() const { return cwd_; }
    /// For while the jail runs: what the host would execute of its doings.
    ns::Outside outside();
    /// What the jail is called in lists.
    const std::string& fs() const { return fs_; }
    /// The jail has ended.
    void settle();

private:
    static std::vector<std::string> patterns(const Protect& protect);
    std::string git_elsewhere() const;
    std::string opened_by(const spec::SeccompGroup& group) const;
    void directory();
    std::string available() const;
    std::string default_root();
    void root();
    void own_files(const std::string& path, unsigned owner) const;
    void edits(const std::string& path);
    void host_root();
    void user(const UserWish& wish);
    bool proc();
    void fixed_mounts();
    void processors();
    void project();
    const std::string& inside() const { return options_.at.empty() ? cwd_ : options_.at; }
    void own(const Grant& grant);
    void add(const Grant& grant);
    void writable_grants();
    std::set<std::string> writable() const;
    std::string given_to_write(const std::string& path) const;
    std::string scratch_directory() const;
    std::string jails_write(const std::string& path) const;
    void mount_as(Kind kind, spec::Source source, sys::Fd fd, const std::string& path, const std::string& target);
    void guard(spec::Bind grant, sys::Fd top);
    void hide_own(const std::string& source, const std::string& target, bool writable);
    void environment();
    void profile();
    void set(const std::string& name, const std::string& value);
    void show(const std::string& source, const std::string& target, const char* kind);
    std::vector<spec::Mount>& mounts() { return spec_.mounts; }

    const RunOptions& options_;
    const spec::Host& host_;
    Caller caller_;
    spec::Spec spec_;
    std::string cwd_, fs_, fs_note_, root_, inside_home_;
    std::optional<Who> who_;
    std::vector<ShownGrant> shown_;
    Guard guard_;
    OwnPlaces own_places_;
    std::set<std::string> writable_;
};

} // namespace ajail::cli
