# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# A mistake in vm.toml, or in a file that it names, ends zvm-run with status 2 and a line that names
# file, line, column, key, reason and remedy; zvm check says the same, and nothing is left behind.
. "$(dirname "$0")/lib.sh"

# mistake NAME EXPECTED: vm.toml is standard input. Once the file is read, zvm-run puts the name of
# the VM in front of its messages.
mistake() {
	cat >vm.toml
	zvm-run --device "$device" vm.toml >run.out 2>&1 </dev/null
	result $(($? != 2)) "$1_ends_zvm_run_with_status_2"
	sed -n '$s/^zvm-run: \(vm: \)\{0,1\}//p' run.out >run.last
	check "$1_is_explained_in_the_last_line" grep -xF "$2" run.last
	zvm check vm.toml >check.out 2>&1
	check "$1_is_found_by_zvm_check" grep -xF "$2" check.out
	sed 's/^/# /' run.out
}

load_module
mkdir /tmp/vm
cd /tmp/vm || exit 1
ln -s "$images/Image-6.1" Image
head -c 100000 Image >truncated
truncate -s 1M disk

mistake size_without_unit 'vm.toml:3:10: memory: "512" has no unit; write "512M"' <<-END
	name   = "vm"
	vcpus  = 1
	memory = "512"
	kernel = "Image"
END
mistake wrong_type 'vm.toml:2:9: vcpus: expected an integer, found a string; write vcpus = 2' <<-END
	memory = "256M"
	vcpus = "two"
	kernel = "Image"
END
mistake unknown_key 'vm.toml:3:1: kernle: unknown key; did you mean kernel?' <<-END
	memory = "256M"
	# the next line is the mistake
	kernle = "Image"
END
mistake syntax_error 'vm.toml:2:10: Image is not a value; text needs quotation marks: "Image"' <<-END
	memory = "256M"
	kernel = Image
END
mistake missing_file 'vm.toml:4:8: disk[0].path: nodisk: No such file or directory; a relative path starts where the TOML file is' <<-END
	memory = "256M"
	kernel = "Image"
	[[disk]]
	path = "nodisk"
END
mistake truncated_image 'vm.toml:2:10: kernel: truncated: the file ends after 100000 bytes, before its last section: it is truncated; copy it again' <<-END
	memory = "256M"
	kernel = "truncated"
END
mistake same_disk_twice 'vm.toml:6:8: disk[1].path: the disk in line 4 has the same file, and two disks would destroy it; use another file' <<-END
	memory = "256M"
	kernel = "Image"
	[[disk]]
	path = "disk"
	[[disk]]
	path = "disk"
END
mistake load_address_outside_ram 'vm.toml:3:8: load: 0x50000000 is outside RAM; write an address from 0x40000000 to 0x4fffffff' <<-END
	memory = "256M"
	image = "Image"
	load = "0x50000000"
END

total=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
mistake memory_larger_than_the_host "vm.toml:1:10: memory: \"100G\" is more than the host's \"${total}M\"; write a smaller size" <<-END
	memory = "100G"
	kernel = "Image"
END

nothing_is_left() {
	ls -A /run/zvm 2>/dev/null
	! pidof zvm-run && [ "$(module_users)" = 0 ] && [ -z "$(ls -A /run/zvm 2>/dev/null)" ]
}
check mistakes_leave_nothing_behind nothing_is_left
finish
