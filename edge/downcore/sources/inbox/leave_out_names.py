"""
What NAS systems, sync clients and operating systems put beside scans, by kind.

A pattern is a name with ``*``, ``?`` and ``[...]``, in any case of letters; one that ends in ``/``
is a folder's. ``{scan}`` stands for the name of another image in the same folder, without its
ending: ``{scan} (1)`` leaves out ``GC01 (1).tif`` beside ``GC01.tif``, and never ``GC01 (1).tif``
that is there alone.
"""

RECYCLE_BINS = (
    "#recycle", "@Recycle", "@Recycle_Bin", "$RECYCLE.BIN", "RECYCLER", "RECYCLED", ".recycle",
    "recycle bin/", "trashbox/", ".Trash", ".Trash-*", ".Trashes", ".trashed-*", "Trash/",
    "Network Trash Folder", ".Recycle_bin", "Papierkorb/", "Corbeille/", ".dropbox.trash",
    ".bin-*/", ".deleted/",
)  # fmt: skip

SNAPSHOTS = (
    "#snapshot", "#snapshots", ".snapshot", ".snapshots", "~snapshot", "@snapshot",
    "@Recently-Snapshot", "@GMT-*", "GMT-[0-9][0-9][0-9][0-9]*/", ".zfs", ".ckpt", ".stversions",
    ".sync", "_gsdata_", ".versions/", ".timemachine", "*.backupdb", "Backups.backupdb",
    ".MobileBackups",
)  # fmt: skip

SYSTEM_FILES = (
    "@eaDir", "@SynoEAStream", "*@SynoEAStream", "*@SynoResource", "@SynoResource", "@tmp",
    "@appstore", "@docker", "@database", "@sharebin", "@__thumb", ".@__thumb", ".@__qini",
    ".@upload_cache", ".@*", ".AppleDouble", ".AppleDB", ".AppleDesktop", "._*", ".DS_Store",
    ".localized", ".apdisk", ".fseventsd", ".Spotlight-V100", ".DocumentRevisions-V100",
    ".TemporaryItems", "Temporary Items", "TheFindByContentFolder", "TheVolumeSettingsFolder",
    "Icon\r", "__MACOSX", "Thumbs.db", "Thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db",
    "desktop.ini", "System Volume Information", "lost+found", "FOUND.[0-9][0-9][0-9]", ".nfs*",
    ".fuse_hidden*", ".smbdelete*", ".cifs*", ".directory", ".dropbox", ".dropbox.attr",
    ".dropbox.cache", ".stfolder", ".stfolder*", ".stignore", ".owncloudsync.log*",
    ".sync_*.db*", "._sync_*.db*", ".csync_journal.db*", ".SynologyWorkingDirectory",
    "#SynoRecycle", ".SyncTrash", ".SyncArchive", ".SyncID", ".SyncIgnore", ".bzvol",
)  # fmt: skip

THUMBNAILS = (
    ".thumbnails", ".thumbs", "thumbnails/", "thumbnail/", "thumbs/", "thumb/", "previews/",
    "preview/", "SYNOPHOTO_*", "SYNOVIDEO_*", ".xvpics", ".picasaoriginals", ".wdmc", ".comments",
    "{scan}[-_. ]preview", "{scan}[-_. ]previews", "{scan}[-_. ]prev", "{scan}[-_. ]pre",
    "{scan}[-_. ]thumb", "{scan}[-_. ]thumbs", "{scan}[-_. ]thumbnail", "{scan}[-_. ]tn",
    "{scan}[-_. ]icon", "{scan}[-_. ]small", "{scan}[-_. ]lowres", "{scan}[-_. ]low[-_]res",
    "{scan}[-_. ]low", "{scan}[-_. ]web", "{scan}[-_. ]quicklook", "{scan}[-_. ]ql",
    "{scan}[-_. ]overview", "{scan}[-_. ]reduced", "{scan} (preview)", "{scan} (thumbnail)",
    "{scan} (small)", "preview[-_. ]{scan}", "thumb[-_. ]{scan}", "thumbnail[-_. ]{scan}",
    "tn[-_. ]{scan}", "small[-_. ]{scan}", "{scan}.tif", "{scan}.tiff", "{scan}.bmp", "{scan}.png",
    "{scan}.raw", "{scan}.jpg", "{scan}.jpeg",
)  # fmt: skip

CONFLICT_COPIES = (
    "*.sync-conflict-*", "*(*conflicted copy*)*", "*_conflict-[0-9]*", "*_Conflict.*",
    "*_Conflict", "*(*case conflict*)*", "*(*edit conflict*)*", "*(*SFConflict*)*",
    "*(*sync conflict*)*", "*(selective sync conflict*)*", "*[[]conflict*[]]*", "*.conflict",
    "*.conflict.*", "*-conflict-[0-9]*", "*(conflict*)*", "*(*whitespace conflict*)*",
    "*(*in Konflikt stehende Kopie*)*", "*(*copie en conflit*)*", "*(*copia en conflicto*)*",
    "{scan}-DESKTOP-*", "{scan}-LAPTOP-*",
)  # fmt: skip

BACKUP_COPIES = (
    "*.bak", "*.bak[0-9]", "*.bak.*", "*.backup", "*.backup.*", "*.orig", "*.old", "*.save",
    "*.swp", "#*#", ".#*", "*.~[0-9]*~", "Backup of *", "Sicherungskopie von *",
    "{scan}[-_. ]bak", "{scan}[-_. ]backup", "{scan}[-_. ]old", "{scan}[-_. ]orig",
    "{scan}[-_. ]original",
    "Copy of {scan}", "Copy ([0-9]*) of {scan}", "{scan} - Copy", "{scan} - Copy ([0-9]*)",
    "{scan} copy", "{scan} copy [0-9]*", "{scan}[-_.]copy", "{scan}[-_.]copy[0-9]*",
    "{scan} (copy)", "{scan} (copy [0-9]*)", "{scan} (another copy)", "{scan} ([0-9])",
    "{scan} ([0-9][0-9])", "{scan}([0-9])", "{scan}([0-9][0-9])",
    "Kopie von {scan}", "{scan} - Kopie", "{scan} - Kopie ([0-9]*)", "{scan} (Kopie)",
    "{scan} Kopie", "Copie de {scan}", "{scan} - Copie", "{scan} - Copie ([0-9]*)",
    "{scan} (copie)", "{scan} copie", "Copia de {scan}", "{scan} - copia",
    "{scan} - copia ([0-9]*)", "{scan} (copia)", "Copia di {scan}", "C\u00f3pia de {scan}",
    "{scan} - C\u00f3pia", "{scan} - C\u00f3pia ([0-9]*)", "Kopie van {scan}",
    "{scan} - kopie", "Kopi av {scan}", "Kopi af {scan}", "{scan} - kopi", "{scan} - kopia",
    "Kopia av {scan}", "Kopia {scan}", "{scan} - \u043a\u043e\u043f\u0438\u044f",
    "{scan} \u2014 \u043a\u043e\u043f\u0438\u044f", "\u041a\u043e\u043f\u0438\u044f {scan}",
    "{scan} - \u30b3\u30d4\u30fc", "{scan} \u306e\u30b3\u30d4\u30fc", "{scan} - \u526f\u672c",
    "{scan} \u526f\u672c", "{scan} \u62f7\u8d1d",
)  # fmt: skip

TEMPORARY_NAMES = (
    ".~lock.*", ".~*", "*.tmp.drivedownload", "*.tmp.driveupload", ".tmp.drivedownload",
    ".tmp.driveupload", ".rsync-partial", ".~tmp~", ".goutputstream-*", ".part-*",
    "*.sb-????????-??????", ".syncthing.*", "~syncthing~*", ".pureftpd-*", ".in.*.",
)  # fmt: skip

BY_KIND: dict[str, tuple[str, ...]] = {
    "recycle bins": RECYCLE_BINS,
    "snapshots and old versions": SNAPSHOTS,
    "files of the system, the NAS or a sync client": SYSTEM_FILES,
    "thumbnails and previews": THUMBNAILS,
    "conflict copies of sync clients": CONFLICT_COPIES,
    "backups and copies": BACKUP_COPIES,
    "temporary names": TEMPORARY_NAMES,
}
"""Every pattern that ``defaults`` stands for in ``inbox.leave_out``, by what it leaves out."""
