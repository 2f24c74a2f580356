--[[
  remove: delete an entry and take it off the index that lists it

  KEYS[1] the entry
  Reply   nil
]]
removeEntry(KEYS[1])
