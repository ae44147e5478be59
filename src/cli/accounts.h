// SPDX-License-Identifier: Apache-2.0
// Users and groups, from the text of their files: /etc/passwd, /etc/group, /etc/subuid, /etc/subgid. Pure. The files of
// a root filesystem were written by whoever ran in it: a line that is not well-formed is none.
#pragma once

#include "spec/host.h"
#include "spec/spec.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ajail::cli {

/// A uid or gid: decimal digits only, at most 4294967294 (-1 is no id).
std::optional<unsigned> parse_id(std::string_view text);

/// A line of passwd(5).
struct Account {
    std::string name;
    unsigned uid = 0, gid = 0;
    std::string home, shell;
};
std::optional<Account> account_named(std::string_view passwd, std::string_view name);
std::optional<Account> account_of(std::string_view passwd, unsigned uid);

/// The groups of group(5) that list NAME as a member, and GID: none twice, in the file's order after GID.
std::vector<unsigned> groups_of(std::string_view group, std::string_view name, unsigned gid);

/// The ranges of subuid(5) or subgid(5) that belong to NAME or UID, in the file's order.
std::vector<spec::IdRange> ranges_of(std::string_view subids, std::string_view name, unsigned uid);

/// From 100000 on, the first of 65,536 ids in a row that are nobody's in either of two files of ranges.
unsigned free_ids(std::string_view subuids, std::string_view subgids);

/// `--user=NAME|UID[:GID]`.
struct UserWish {
    std::string name; ///< empty: by number
    unsigned uid = 0;
    std::optional<unsigned> gid;
};
std::optional<UserWish> parse_user(std::string_view text);

/// Whom the payload runs as.
struct Who {
    Account account; ///< name: digits for a number without an account
    spec::User ids;
};
/// WISH among the accounts of PASSWD and GROUP. Without an account the gid is the uid's number and HOME is `/`; a gid
/// that was named stands alone, without the account's other groups. Nothing for a name that is not there.
std::optional<Who> who_is(const UserWish& wish, std::string_view passwd, std::string_view group);

} // namespace ajail::cli
